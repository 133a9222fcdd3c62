"""The reference for people says what the CRD says."""
import pathlib
import subprocess
import sys

REFERENCE = pathlib.Path(__file__).resolve().parents[2] / "hack" / "reference"


def test_the_page_is_the_crd_s():
    done = subprocess.run([sys.executable, REFERENCE, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
