"""The OpenAPI document, the page that shows it, and whether the server does what the document says."""

import base64
import hashlib
import json
import os
import pathlib
import re
import secrets
import subprocess
import sys

import pytest
from conftest import ISSUER_SECRET, run
from support_stores import COMMON, shared_twin  # noqa: F401

HERE = pathlib.Path(__file__).parent
SECRETS = {"APP_JWT_SECRET": "app-jwt-secret-of-the-tests-0123456789", "SESSION_SECRET": "session-secret-of-the-tests-0123456789",
           "COLLAB_PAY_WEBHOOK_SECRET": "collab-pay-secret-of-the-tests-0123456789"}


@pytest.fixture(scope="module")
def server(tmp_path_factory, migrated, start_shared, shared_twin):
    """One that has all it can have, and a database of its own: what is posted there would be in others' way."""
    directory = tmp_path_factory.mktemp("openapi")
    (directory / "tokens.json").write_text('{"color": {"brand": {"$type": "color", "$value": "#6b4eff"}}}')
    return start_shared(DATABASE_URL=migrated().url, **COMMON, **shared_twin.google.settings(), **shared_twin.apple.settings(),
                        RATE_LIMIT_ISSUER_MAX="1000000", LOG_LEVEL="info", DESIGN_TOKENS_FILE=str(directory / "tokens.json"),
                        CORS_ALLOWED_ORIGINS="https://app.example.com", **SECRETS)


@pytest.fixture(scope="module")
def document(server):
    answer = server.get("/api/openapi.json")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    return answer.json


def test_the_document_is_valid(document):
    from openapi_spec_validator import OpenAPIV31SpecValidator
    assert document["openapi"].startswith("3.1.")
    assert list(map(str, OpenAPIV31SpecValidator(document).iter_errors())) == []


def test_the_examples_are_as_their_schemas_say(document):
    from jsonschema import Draft202012Validator
    checked = 0

    def check(at):
        nonlocal checked
        if isinstance(at, dict):
            if "example" in at and ("type" in at or "schema" in at):
                schema = at.get("schema", at)
                wrong = [e.message for e in Draft202012Validator({**schema, "components": document["components"]}).iter_errors(at["example"])]
                assert wrong == [], at["example"]
                checked += 1
            for child in at.values():
                check(child)
        elif isinstance(at, list):
            for child in at:
                check(child)

    for operation in (o for item in document["paths"].values() for o in item.values()):
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            assert "example" in schema, operation["operationId"]
    check(document["paths"])
    check(document["components"])
    assert checked > 30


def test_every_reference_leads_somewhere_and_everything_shared_is_used(document):
    text = json.dumps(document)
    for kind, name in set(re.findall(r'"#/components/(\w+)/([\w-]+)"', text)):
        assert name in document["components"][kind], (kind, name)
    for kind in ("schemas", "parameters", "headers"):
        for name in document["components"][kind]:
            assert f'"#/components/{kind}/{name}"' in text, f"nothing uses {kind}/{name}"


def test_the_document_tells_the_settings_of_this_server(start, server, document):
    put = document["paths"]["/api/products/{store}/{productId}"]["put"]
    assert put["x-rate-limit"] == {"class": "write", "max": 1000000, "windowMs": 60000}
    other = start(RATE_LIMIT_WRITE_MAX="7", JWT_MAX_TTL_SECONDS="600").get("/api/openapi.json").json["paths"]
    assert other["/api/products/{store}/{productId}"]["put"]["x-rate-limit"]["max"] == 7
    assert other["/auth/token"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]["ttl"]["maximum"] == 600


def test_the_document_is_read_conditionally(server):
    for path in ("/api/openapi.json", "/docs"):
        answer = server.get(path)
        assert server.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status == 304
        assert server.get(path, headers={"If-None-Match": '"other"'}).body == answer.body


def test_the_command_prints_the_same(server, document):
    done = run("openapi", env=server.env)
    assert (done.returncode, done.stderr) == (0, "") and json.loads(done.stdout) == document
    assert run("openapi", "--what").returncode == 2
    assert run("openapi", env={"PORT": "x"}).returncode == 1


def test_nothing_secret_is_told(server, document):
    text = json.dumps(document)
    for name, value in server.env.items():
        if "SECRET" in name or "URL" in name or "KEY" in name:
            assert value not in text, name


def test_the_page_runs_its_own_script_alone(server):
    answer = server.get("/docs")
    page = answer.body.decode()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8" and len(answer.body) < 30000
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    for name, tag in (("script-src", "script"), ("style-src", "style")):
        inside = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.S)
        assert [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in inside] == [policy[name]]
    assert not re.search(r'(src|href)="(https?:)?//|\sstyle="|\son\w+="|innerHTML', page), "all of it is inside, and nothing is read as HTML"


def test_the_server_does_what_the_document_says(server, shared_twin, tmp_path):
    """Schemathesis: requests that are right and wrong by the document, and its checks on what comes back."""
    token = server.mint("admin-" + secrets.token_hex(4), ["admin", "finance"], ttl=3600)
    env = {**os.environ, **SECRETS, "TOKEN": token, "ISSUER_ADMIN_SECRET": ISSUER_SECRET, "PUSH_TOKEN": shared_twin.google.push_token(),
           "PYTHONPATH": str(HERE / "schemathesis"), "PYTHONDONTWRITEBYTECODE": "1", "no_proxy": "*"}
    # at /api/entitlements/grant Allow names GET too, for the profile of that name; test_server.py knows what Allow must be
    command = [sys.executable, "-m", "schemathesis.cli", "--no-color", "--config-file", str(HERE / "schemathesis/schemathesis.toml"), "run",
               f"http://127.0.0.1:{server.port}/api/openapi.json", "--checks", "all", "--exclude-checks", "allow_header_conformance"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=1800)
    report = re.sub(r"eyJ[\w.-]+", "…", done.stdout)
    assert done.returncode == 0, report[-12000:] + done.stderr[-2000:]
    assert re.search(r"[1-9]\d* generated", report), report[-2000:]
