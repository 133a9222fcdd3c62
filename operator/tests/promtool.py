"""Prometheus' own tool on rules and queries: what it takes, and which alerts stand when given series have been seen.

    rules = Rules(spec_of_a_PrometheusRule, folder)
    rules.check()                                                     promtool check rules
    rules.run([Case("SupernovaDown", "15m", {'up{job="shop"}': "0x30"}, [{}])])

A case is the series (one value a minute), the moment at which is looked, and the labels that each alert of that name then has beyond those of its rule;
an empty list: it is silent. Annotations are left out there: `promtool check rules` has parsed them.
"""

import copy
import dataclasses
import pathlib
import subprocess

import yaml


def promtool(*args):
    done = subprocess.run(["promtool", *map(str, args)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout


@dataclasses.dataclass
class Case:
    alert: str
    at: str
    series: dict
    expected: list
    why: str = ""


class Rules:
    def __init__(self, spec, folder):
        self.groups, self.folder = spec["groups"], pathlib.Path(folder)

    def all(self, kind):
        return [rule for group in self.groups for rule in group["rules"] if kind in rule]

    def alerts(self):
        return {rule["alert"]: rule for rule in self.all("alert")}

    def write(self, name, content):
        path = self.folder / name
        path.write_text(yaml.safe_dump(content, width=1000))
        return path

    def check(self):
        return promtool("check", "rules", "--lint-fatal", self.write("rules.yaml", {"groups": self.groups}))

    def test_of(self, case):
        labels = self.alerts()[case.alert].get("labels", {})
        series = [{"series": name, "values": values} for name, values in case.series.items()]
        expected = [{"exp_labels": {**labels, **extra}} for extra in case.expected]
        return {"name": f"{case.alert}: {case.why}", "interval": "1m", "input_series": series,
                "alert_rule_test": [{"eval_time": case.at, "alertname": case.alert, "exp_alerts": expected}]}

    def run(self, cases):
        groups = copy.deepcopy(self.groups)
        for rule in (rule for group in groups for rule in group["rules"]):
            rule.pop("annotations", None)
        self.write("bare.yaml", {"groups": groups})
        tests = {"rule_files": ["bare.yaml"], "evaluation_interval": "1m", "tests": [self.test_of(case) for case in cases]}
        return promtool("test", "rules", self.write("tests.yaml", tests))
