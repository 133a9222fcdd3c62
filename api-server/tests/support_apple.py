"""What a client or the App Store does with a server and the stores' twin."""

import time

import pytest
from support_stores import COMMON, Shop

DAY_MS = 86400000


class AppleShop(Shop):
    def __init__(self, server, twin, database):
        super().__init__(server, twin, database)
        self.apple = twin.apple

    def verify(self, profile, number=None, text=None):
        """Shows the transaction, or TEXT."""
        return self.server.post("/api/iap/apple/verify", {"signedPayload": text or self.apple.show(number)}, token=self.token(profile))

    def ask(self, profile, number):
        return self.server.post("/api/iap/apple/verify", {"transactionId": number}, token=self.token(profile))

    def bought(self, profile, number):
        answer = self.verify(profile, number)
        assert answer.status == 200, answer.body
        return answer.json

    def hear(self, text):
        return self.server.post("/api/webhooks/apple", {"signedPayload": text})

    def heard(self, *what, **more):
        """What came of a notification."""
        answer = self.hear(self.apple.notify(*what, **more))
        assert answer.status == 200, answer.body
        return answer.json["outcome"]

    def plan(self, profile):
        """(plan, ends at) of an active subscription."""
        held = self.owned(profile)["subscription"]
        return (held["plan"], held["expiresAt"]) if held and held["active"] else None

    def row(self, token, column):
        return self.database.sql(f"SELECT {column} FROM iap_purchase WHERE store = 'apple' AND token = '{token}'")


def moment(ms):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03d}Z"


@pytest.fixture
def open_shop(start, twin, seeded):
    """open_shop(NAME=value, …): with a server of its own, for those that disturb it."""
    return lambda **env: AppleShop(start(**{"DATABASE_URL": seeded.url, **COMMON, **twin.apple.settings(), **env}), twin, seeded)
