"""In what all pods have said, of the operator and of every stack, there is no report of a sanitizer."""
from kube import SYSTEM


def test_no_sanitizer_reports(operator, pod_logs):
    assert any(log.name.startswith(SYSTEM) for log in pod_logs.to.iterdir()), "the operator's logs are read"
    found = [f"{log.name}:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-40:]) for log in pod_logs.reports()]
    assert not found, "\n".join(found)
