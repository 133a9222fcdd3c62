"""The stores' twin for a file of tests, and a database whose servers ask the stores nothing of their own accord unless a test makes it due."""

import secrets
import sys

import pytest
from conftest import ROOT, insist, run

sys.path.insert(0, str(ROOT / "api-server/store-twin"))
from store_twin import StoreTwin

TESTER = "tester-" + secrets.token_hex(4)
# No sweep is due unless a test makes it so.
CALM = "UPDATE iap_sweep SET swept_at = now() + interval '12 hours', due_at = now() + interval '12 hours', leased_by = NULL, leased_until = NULL"
# What every server has that asks the twin.
COMMON = {"ENVIRONMENT": "staging", "IAP_SANDBOX_PROFILES": f"somebody, {TESTER}", "RATE_LIMIT_WEBHOOK_MAX": "1000000", "no_proxy": "*"}


@pytest.fixture(scope="module")
def seeded(migrated):
    database = migrated()
    done = run("seed", env={"DATABASE_URL": database.url, "TERMINATION_LOG": "/dev/null"})
    assert done.returncode == 0, done.stderr
    database.sql("INSERT INTO product (store, product_id, plan) SELECT store, product, plan FROM unnest(ARRAY['apple', 'google']) store,"
                 f" (VALUES ('max_monthly', 'max'), ('for_ever', 'gold')) p (product, plan) ON CONFLICT DO NOTHING; {CALM}")
    return database


@pytest.fixture(scope="module")
def shared_twin():
    twin = StoreTwin()
    yield twin
    twin.close()


@pytest.fixture
def twin(shared_twin):
    shared_twin.heal()
    shared_twin.forget_calls()
    yield shared_twin
    shared_twin.heal()


class Shop:
    """A server, the twin, and what a client does with them."""

    def __init__(self, server, twin, database):
        self.server, self.twin, self.database, self.tokens = server, twin, database, {}

    def token(self, profile):
        if profile not in self.tokens:
            self.tokens[profile] = self.server.mint(profile)
        return self.tokens[profile]

    def owned(self, profile):
        return insist(lambda: self.server.get(f"/api/entitlements/{profile}", token=self.token(profile))).json["entitlements"]

    def ledger(self, profile):
        return self.database.sql(f"SELECT string_agg(concat_ws(' ', kind, amount, plan), ', ' ORDER BY seq) FROM ent_ledger WHERE profile = '{profile}'")
