"""What the tests of manifests share with the operator's: Prometheus' own tool, and the prometheus-operator's CRDs."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "operator/tests"))
