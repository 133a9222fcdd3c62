"""Each phase that the operator may tell is one that the CRD takes: a status that is refused is told again and again."""
import pathlib
import re

import yaml

HERE = pathlib.Path(__file__).resolve().parents[2]


def test_the_crd_takes_every_phase():
    version = yaml.safe_load((HERE / "crds/platform.supernova.com_supernovastacks.yaml").read_text())["spec"]["versions"][0]
    taken = set(version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["phase"]["enum"])
    sources = "".join(path.read_text() for path in (HERE / "operator/src").rglob("*.c"))
    told = set(re.findall(r'\.phase = "(\w+)"', sources))
    assert told and told <= taken, told - taken
