"""The small subcommands, as a person types them: help, usage errors, and what they print."""

import base64
import json
import re
import stat

import pytest
import yaml
from conftest import Database, free_port, run

COMMANDS = ["serve", "check", "migrate", "seed", "audit", "gen-jwks", "mint-jwt", "health", "version", "help"]
JOBS = {"check", "migrate", "seed"}  # their exit statuses are a Job's


def test_help_lists_all_commands():
    done = run("--help")
    assert done.returncode == 0 and done.stderr == ""
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert set(COMMANDS) <= set(listed)
    assert run().stdout == run("-h").stdout == run("help").stdout == done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command):
    done = run(command, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"supernova-server {command} ") and len(done.stdout.splitlines()) >= 3
    assert run("help", command).stdout == done.stdout and run(command, "-h").stdout == done.stdout


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "help"])
def test_what_is_not_understood_is_a_usage_error(command, tmp_path):
    log = tmp_path / "log"
    log.write_text("untouched")
    done = run(command, "--nonsense", "x", env={"TERMINATION_LOG": str(log)})
    assert done.returncode == (64 if command in JOBS else 2) and done.stderr and done.stdout == ""
    assert log.read_text() == "untouched"


def test_an_unknown_command_and_unknown_help():
    done = run("surf")
    assert done.returncode == 2 and done.stderr.startswith("supernova-server: surf is no command.")
    assert run("help", "surf").returncode == 2


def test_the_settings_are_documented():
    done = run("help", "settings")
    assert done.returncode == 0
    for name in ("DATABASE_URL", "DATABASE_POOLER", "DATABASE_DIRECT_URL", "REDIS_URL", "PORT", "JWKS_DIR"):
        assert f"\n{name}\n" in "\n" + done.stdout
    assert "must be set" in done.stdout and "default 3001" in done.stdout


def test_version():
    done = run("version")
    assert done.returncode == 0 and re.fullmatch(r"supernova-server \S+ \(commit \S+, schema \d+ to \d+\)\n", done.stdout), done.stdout


# --- settings that are wrong

@pytest.mark.parametrize("command", ["serve", "health", "mint-jwt"])
def test_every_wrong_setting_is_named_at_once(command):
    arguments = ["--sub", "x"] if command == "mint-jwt" else []
    done = run(command, *arguments, env={"PORT": "http", "LOG_LEVEL": "loud", "DATABASE_URL": "mysql://u:hunter2@h/d", "ISSUER_ADMIN_SECRET": "hunter2"})
    assert done.returncode == 1 and done.stderr.startswith("supernova-server: ")
    for word in ('PORT is "http", expected a whole number from 1 to 65535', 'LOG_LEVEL is "loud"', "DATABASE_URL is malformed", "ISSUER_ADMIN_SECRET is malformed"):
        assert word in done.stderr
    assert "hunter2" not in done.stderr


def test_serve_names_what_is_missing():
    done = run("serve", env={"DATABASE_URL": "", "ISSUER_ADMIN_SECRET": ""})
    assert done.returncode == 1 and "DATABASE_URL is not set" in done.stderr and "ISSUER_ADMIN_SECRET is not set" in done.stderr
    done = run("serve", env={"DATABASE_URL": "postgresql://u:p@h/d", "ISSUER_ADMIN_SECRET": "x" * 32, "REDIS_URL": "", "JWKS_DIR": "/nonexistent"})
    assert done.returncode == 1 and "JWKS_DIR" in done.stderr


# --- gen-jwks

def test_gen_jwks_writes_a_directory(tmp_path):
    folder = tmp_path / "keys"
    first = run("gen-jwks", "--output", str(folder))
    kid = (folder / "signing").read_text().strip()
    assert first.returncode == 0 and f"✓ Generated keypair with kid={kid}" in first.stdout
    assert stat.S_IMODE((folder / f"{kid}.pem").stat().st_mode) == 0o600 and "PRIVATE" in (folder / f"{kid}.pem").read_text()
    second = run("gen-jwks", f"--output={folder}", "--bits", "3072")
    assert second.returncode == 0
    keys = json.loads((folder / "jwks.json").read_text())["keys"]
    new = (folder / "signing").read_text().strip()
    assert [k["kid"] for k in keys] == [kid, new] and new != kid
    assert all(set(k) & {"d", "p", "q"} == set() and k["kty"] == "RSA" for k in keys)
    assert len(keys[1]["n"]) > len(keys[0]["n"])
    assert {p.name for p in folder.iterdir()} == {"jwks.json", "signing", f"{kid}.pem", f"{new}.pem"}


def test_gen_jwks_prints_a_secret():
    done = run("gen-jwks", "--output", "secret")
    assert done.returncode == 0 and done.stdout.startswith("apiVersion: v1\nkind: Secret\n") and "jwks.json: " in done.stdout and "signing: " in done.stdout
    assert "kid=" in done.stderr and "PRIVATE" not in done.stdout + done.stderr


@pytest.fixture
def old_folder(tmp_path):
    """Two keys as tools/gen-jwks.mjs left them, and their kids."""
    made, folder, kids = tmp_path / "made", tmp_path / "keys", []
    for _ in range(2):
        assert run("gen-jwks", "--output", str(made)).returncode == 0
        kids.append((made / "signing").read_text().strip())
        (folder / kids[-1]).mkdir(parents=True)
        (folder / kids[-1] / "private.pem").write_text((made / f"{kids[-1]}.pem").read_text())
        (folder / kids[-1] / "public.pem").write_text("the public half, which jwks.json has")
    (folder / "jwks.json").write_text((made / "jwks.json").read_text())
    return folder, kids


def secret_data(text):
    return {name: base64.b64decode(value).decode() for name, value in yaml.safe_load(text)["data"].items()}


def test_gen_jwks_takes_a_folder_over(old_folder):
    folder, kids = old_folder
    done = run("gen-jwks", "--from", str(folder), "--output", "secret")
    assert done.returncode == 0 and f"what signs is kid={kids[1]}" in done.stderr and "PRIVATE" not in done.stdout + done.stderr
    files = secret_data(done.stdout)
    assert set(files) == {"jwks.json", "signing", f"{kids[1]}.pem"} and files["signing"].strip() == kids[1]
    assert [key["kid"] for key in json.loads(files["jwks.json"])["keys"]] == kids
    assert files[f"{kids[1]}.pem"] == (folder / kids[1] / "private.pem").read_text()


def test_gen_jwks_takes_no_folder_that_is_not_whole(old_folder):
    folder, kids = old_folder
    newest, whole = folder / kids[1] / "private.pem", (folder / "jwks.json").read_text()
    other = (folder / kids[0] / "private.pem").read_text()

    def refused(words):
        done = run("gen-jwks", "--from", str(folder), "--output", "secret")
        assert done.returncode == 1 and words in done.stderr and done.stdout == "" and "PRIVATE" not in done.stderr, done.stderr

    mine = newest.read_text()
    newest.write_text(other)
    refused(f"{kids[1]}.pem does not match its public half in jwks.json")
    newest.write_text("garbage")
    refused(f"{kids[1]}.pem: not a private key in PEM")
    newest.write_text(mine)
    (folder / "jwks.json").write_text('{"keys": []}')
    refused("jwks.json has no RS256 key")
    (folder / "jwks.json").write_text(json.dumps({"keys": json.loads(whole)["keys"][:1]}))
    refused(f"signing names the key {kids[1]}, which jwks.json does not have")
    (folder / "jwks.json").unlink()
    refused("jwks.json")
    newest.unlink()
    (folder / kids[0] / "private.pem").unlink()
    refused("holds no key: expected <kid>/private.pem")


@pytest.mark.parametrize("arguments, word", [([], "--output is missing"), (["--output", "x", "--bits", "1024"], "--bits must be"),
                                             (["--from", "x", "--output", "y"], "--from goes with --output secret"),
                                             (["--from", "x", "--output", "secret", "--bits", "2048"], "--from makes none"),
                                             (["--output", "x", "--bits", "many"], "--bits must be"), (["--output"], "a value is missing")])
def test_gen_jwks_usage(arguments, word):
    done = run("gen-jwks", *arguments)
    assert done.returncode == 2 and word in done.stderr


def test_gen_jwks_leaves_a_set_that_it_does_not_understand_alone(tmp_path):
    (tmp_path / "jwks.json").write_text('{"keys": 7}')
    done = run("gen-jwks", "--output", str(tmp_path))
    assert done.returncode == 1 and "jwks.json" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["jwks.json"] and (tmp_path / "jwks.json").read_text() == '{"keys": 7}'
    done = run("gen-jwks", "--output", "/proc/nowhere/keys")
    assert done.returncode == 1 and "/proc/nowhere/keys" in done.stderr


# --- mint-jwt and health, beside a server

def test_mint_jwt_is_taken_by_the_server(server):
    done = run("mint-jwt", "--sub", "minted", "--roles", "admin,finance", "--ttl=60", env={"JWKS_DIR": str(server.keys)})
    assert done.returncode == 0 and done.stderr == ""
    assert server.get("/api/entitlements/somebody", token=done.stdout.strip()).status == 200
    plain = run("mint-jwt", "--sub", "minted", env={"JWKS_DIR": str(server.keys)}).stdout.strip()
    assert server.get("/api/entitlements/minted", token=plain).status == 200 and server.get("/api/entitlements/x", token=plain).status == 403


@pytest.mark.parametrize("arguments", [[], ["--sub", ""], ["--sub", "x", "--ttl", "0"], ["--sub", "x", "--ttl", "99999999"], ["--sub"]])
def test_mint_jwt_usage(server, arguments):
    assert run("mint-jwt", *arguments, env={"JWKS_DIR": str(server.keys)}).returncode == 2


def test_mint_jwt_without_keys(tmp_path):
    done = run("mint-jwt", "--sub", "x", env={"JWKS_DIR": str(tmp_path)})
    assert done.returncode == 1 and done.stdout == "" and str(tmp_path) in done.stderr


def test_health_prints_what_the_server_says(server):
    done = run("health", env={"METRICS_PORT": str(server.metrics_port)})
    assert done.returncode == 0 and json.loads(done.stdout)["status"] == "ok"


def test_health_of_a_server_that_is_not_ready(start):
    server = start(ready=False, DATABASE_URL="postgresql://u:p@127.0.0.1:1/d")
    done = run("health", env={"METRICS_PORT": str(server.metrics_port)})
    assert done.returncode == 1 and json.loads(done.stdout)["status"] == "starting"


def test_health_without_a_server():
    port = free_port()
    done = run("health", env={"METRICS_PORT": str(port)})
    assert done.returncode == 1 and f"reach port {port} of this pod" in done.stderr


def test_seed_before_migrate_is_refused(services, tmp_path):
    database = Database(services)
    log = tmp_path / "log"
    log.write_text("")
    done = run("seed", env={"DATABASE_URL": database.url, "TERMINATION_LOG": str(log)})
    assert done.returncode == 65 and "schema is 0" in json.loads(log.read_text())["error"]
    database.drop()
