"""The table of a benchmark: what was measured, what it may be, and whether it is.

    figures = Figures("hack/bench operator")
    figures.add("idle, 1 stack: resident memory", 9.8, "MB", at_most=16)
    figures.add("wrong answers", 0, "", at_most=0)
    figures.note("requests a second", 21000, "/s")
    sys.exit(figures.close())

A line is printed as soon as it is known: a run takes minutes.
"""

import sys

WIDTHS = (66, 14, 18)


def number(value, unit):
    digits = 0 if isinstance(value, int) or abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    return f"{value:,.{digits}f}{' ' if unit and unit[0] not in '/%' else ''}{unit}"


class Figures:
    def __init__(self, command):
        self.command, self.missed = command, 0
        self._line("figure", "measured", "budget", "verdict")
        self._line("-" * WIDTHS[0], "-" * WIDTHS[1], "-" * WIDTHS[2], "-------")

    @staticmethod
    def _line(what, measured, budget, verdict):
        print(f"{what:<{WIDTHS[0]}}  {measured:>{WIDTHS[1]}}  {budget:>{WIDTHS[2]}}  {verdict}", flush=True)

    def add(self, what, value, unit, at_most=None, at_least=None):
        good = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
        budget = f"<= {number(at_most, unit)}" if at_most is not None else f">= {number(at_least, unit)}"
        self.missed += not good
        self._line(what, number(value, unit), budget, "ok" if good else "MISSED")

    def note(self, what, value, unit):
        self._line(what, number(value, unit), "", "")

    def close(self):
        """The exit status: 0, or 3 where a budget is missed (1 is that of a failed program)."""
        print(f"\nprinted by: {self.command}; " + (f"{self.missed} budgets missed" if self.missed else "every budget kept"), flush=True)
        return 3 if self.missed else 0


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def progress(text):
    print(f"    … {text}", file=sys.stderr, flush=True)
