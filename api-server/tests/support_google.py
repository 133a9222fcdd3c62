"""What a client or Google's Pub/Sub does with a server and the stores' twin."""

import json

import pytest
from conftest import until
from support_stores import COMMON, Shop


class GoogleShop(Shop):
    def __init__(self, server, twin, database):
        super().__init__(server, twin, database)
        self.google = twin.google

    def verify(self, profile, token, product="coins_100", type="product", **more):
        body = {"packageName": "com.collab.supernova", "productId": product, "purchaseToken": token, "type": type, **more}
        return self.server.post("/api/iap/google/verify", body, token=self.token(profile))

    def hear(self, kind, authorization=None, message=None, **notification):
        message = message or self.google.message(kind, **notification)
        return self.server.post("/api/webhooks/google", message, headers={"Authorization": authorization or "Bearer " + self.google.push_token()})

    def hear_of(self, token, **more):
        purchase = self.google.purchases[token]
        if "lineItems" in purchase["body"]:
            return self.hear("subscription", purchaseToken=token, notificationType=2, subscriptionId=purchase["product"], **more)
        return self.hear("oneTimeProduct", purchaseToken=token, notificationType=1, sku=purchase["product"], **more)

    def told(self, token, **counts):
        until(lambda: self.google.counts(token) == {"acknowledged": 0, "consumed": 0, **counts}, what=f"Google to be told: {counts}")

    def row(self, token, column):
        return self.database.sql(f"SELECT {column} FROM iap_purchase WHERE token = '{token}'")

    def owed(self, token):
        return self.database.sql(f"SELECT count(*) FROM outbox WHERE token = '{token}' AND done_at IS NULL") != "0"


@pytest.fixture
def open_shop(start, twin, seeded):
    """open_shop(NAME=value, …): with a server of its own, for those that disturb it."""
    return lambda **env: GoogleShop(start(**{"DATABASE_URL": seeded.url, **COMMON, **twin.google.settings(), **env}), twin, seeded)


def detail(answer, status, word=""):
    assert answer.status == status, answer.body
    body = answer.json
    assert word in json.dumps(body), body
    return body


def subscription_of(shop, profile):
    return shop.owned(profile)["subscription"]


def ms_of(shop, profile):
    text = subscription_of(shop, profile)["expiresAt"]
    return int(float(shop.database.sql(f"SELECT extract(epoch FROM '{text}'::timestamptz) * 1000")))


def hear_of_a_void(shop, token):
    return shop.hear("voided", purchaseToken=token, orderId="x", productType=2, refundType=1)


def void_and_hear(shop, token, **more):
    shop.google.void(token, **more)
    return hear_of_a_void(shop, token)
