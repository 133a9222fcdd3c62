"""Google Play as its publisher API (androidpublisher v3), its OAuth token endpoint and its Pub/Sub pushes show it."""

import base64
import datetime
import json
import pathlib
import secrets
import subprocess
import tempfile
import urllib.parse

PACKAGE = "com.collab.supernova"
AUDIENCE, EMAIL = "https://api.example.com/api/webhooks/google", "push@twin.iam.gserviceaccount.com"
DAY_MS = 86400000
API = rf"/androidpublisher/v3/applications/{PACKAGE}/purchases"


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def openssl(*arguments, stdin=b""):
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=True).stdout


def rfc3339(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Key:
    """An RSA key that signs tokens, and tells its public half."""

    def __init__(self, directory, name):
        self.kid, self.path = f"{name}-{secrets.token_hex(4)}", directory / f"{name}.pem"
        self.path.write_bytes(openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"))

    def pem(self):
        return self.path.read_text()

    def sign(self, claims, header=None):
        text = b64({"alg": "RS256", "typ": "JWT", "kid": self.kid, **(header or {})}) + "." + b64(claims)
        return text + "." + b64(openssl("dgst", "-sha256", "-sign", str(self.path), stdin=text.encode()))

    def verifies(self, token):
        text, _, signature = token.rpartition(".")
        public, signed = self.path.with_suffix(".pub"), self.path.with_suffix(".sig")
        public.write_bytes(openssl("pkey", "-in", str(self.path), "-pubout"))
        signed.write_bytes(unb64(signature))
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", str(public), "-signature", str(signed)], input=text.encode(), capture_output=True)
        return done.returncode == 0

    def jwk(self):
        modulus = openssl("rsa", "-in", str(self.path), "-noout", "-modulus").decode().strip().split("=")[1]
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": b64(bytes.fromhex(modulus)), "e": "AQAB"}


class GoogleTwin:
    def __init__(self, twin):
        self.twin, self.directory = twin, tempfile.TemporaryDirectory()
        self.account_key, self.push_key = (Key(pathlib.Path(self.directory.name), name) for name in ("account", "push"))
        self.purchases, self.voided, self.access_tokens = {}, [], set()
        self.token_life_s, self.certs_age_s, self.page_size = 3600, 3600, 1000
        tokens = r"/tokens/([^/:]+)"
        self.routes = [("POST", "/token", self._token), ("GET", "/certs", self._certs),
                       ("GET", rf"{API}/products/([^/]+){tokens}", self._product),
                       ("POST", rf"{API}/products/([^/]+){tokens}:(acknowledge|consume)", self._act),
                       ("POST", rf"{API}/(subscriptions)/[^/]+{tokens}:(acknowledge)", self._act),
                       ("GET", rf"{API}/subscriptionsv2{tokens}", self._subscription),
                       ("GET", rf"{API}/voidedpurchases", self._voided)]

    # --- admin: what happens at Google

    def settings(self):
        """What makes a server believe and ask this one."""
        return {"GOOGLE_API_BASE": self.twin.url, "GOOGLE_TOKEN_URL": self.twin.url + "/token", "GOOGLE_CERTS_URL": self.twin.url + "/certs",
                "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(self.key()), "GOOGLE_PUSH_AUDIENCE": AUDIENCE, "GOOGLE_PUSH_EMAIL": EMAIL}

    def key(self):
        """The service account's key file."""
        return {"type": "service_account", "project_id": "twin", "private_key_id": self.account_key.kid, "private_key": self.account_key.pem(),
                "client_email": "server@twin.iam.gserviceaccount.com", "token_uri": self.twin.url + "/token"}

    def buy(self, product_id, token=None, quantity=1, account=None, state=0, test=False):
        """A one-time product; STATE 0 bought, 1 cancelled, 2 pending."""
        token = token or "tok-" + secrets.token_hex(24)
        body = {"kind": "androidpublisher#productPurchase", "purchaseTimeMillis": str(self.twin.now_ms()), "purchaseState": state, "consumptionState": 0,
                "developerPayload": "", "orderId": "GPA." + secrets.token_hex(8), "acknowledgementState": 0, "quantity": quantity,
                "refundableQuantity": quantity, "regionCode": "US"}
        if account:
            body["obfuscatedExternalAccountId"] = account
        if test:
            body["purchaseType"] = 0
        self.purchases[token] = {"product": product_id, "body": body, "acknowledged": 0, "consumed": 0}
        return token

    def subscribe(self, product_id, token=None, days=30, account=None, test=False, linked=None, state="ACTIVE"):
        token = token or "sub-" + secrets.token_hex(24)
        order = "GPA." + secrets.token_hex(8)
        body = {"kind": "androidpublisher#subscriptionPurchaseV2", "regionCode": "US", "startTime": rfc3339(self.twin.now_ms()),
                "subscriptionState": "SUBSCRIPTION_STATE_" + state, "latestOrderId": order,
                "acknowledgementState": "ACKNOWLEDGEMENT_STATE_PENDING",
                "lineItems": [{"productId": product_id, "expiryTime": rfc3339(self.twin.now_ms() + days * DAY_MS),
                               "autoRenewingPlan": {"autoRenewEnabled": True}, "offerDetails": {"basePlanId": "monthly"},
                               "latestSuccessfulOrderId": order}]}
        if account:
            body["externalAccountIdentifiers"] = {"obfuscatedExternalAccountId": account}
        if test:
            body["testPurchase"] = {}
        if linked:
            body["linkedPurchaseToken"] = linked
            self.change(linked, state="EXPIRED", days=0)
        self.purchases[token] = {"product": product_id, "body": body, "acknowledged": 0, "consumed": 0}
        return token

    def change(self, token, state=None, days=None, order=None, renews=None, **fields):
        """A subscription gets another state, or another end, DAYS from now; or any purchase other FIELDS. Its new end, in ms."""
        body = self.purchases[token]["body"]
        body.update(fields)
        item = body.get("lineItems", [{}])[0]
        if state:
            body["subscriptionState"] = "SUBSCRIPTION_STATE_" + state
        if order:
            body["latestOrderId"] = item["latestSuccessfulOrderId"] = order
        if renews is not None:
            item["autoRenewingPlan"] = {"autoRenewEnabled": renews}
        if days is not None:
            ends_ms = self.twin.now_ms() + int(days * DAY_MS)
            item["expiryTime"] = rfc3339(ends_ms)
            return ends_ms

    def renew(self, token, days=30):
        order = self.purchases[token]["body"]["latestOrderId"].partition("..")[0] + ".." + secrets.token_hex(2)
        return self.change(token, state="ACTIVE", days=days, order=order)

    def void(self, token, quantity=None, listed=True):
        """Google takes it back: all of it, or QUANTITY of a product. Not listed: it hasn't come to the list yet."""
        body = self.purchases[token]["body"]
        entry = {"kind": "androidpublisher#voidedPurchase", "purchaseToken": token, "orderId": body.get("orderId") or body["latestOrderId"],
                 "purchaseTimeMillis": body.get("purchaseTimeMillis", "0"), "voidedTimeMillis": str(self.twin.now_ms()), "voidedSource": 0, "voidedReason": 1}
        if quantity:
            entry["voidedQuantity"] = quantity
            body["refundableQuantity"] -= quantity
        elif "purchaseState" in body:
            body.update(purchaseState=1, refundableQuantity=0)
        else:
            self.change(token, state="EXPIRED", days=0)
        if listed:
            self.voided.append(entry)

    def counts(self, token):
        """How often the purchase was acknowledged and consumed with effect."""
        return {name: self.purchases[token][name] for name in ("acknowledged", "consumed")}

    def expire_access(self):
        """No access token that was given out is good any more."""
        self.access_tokens.clear()

    def push_token(self, audience=AUDIENCE, email=EMAIL, header=None, forged=False, **claims):
        now_s = self.twin.now_ms() // 1000
        key = self.account_key if forged else self.push_key
        return key.sign({"aud": audience, "azp": "1234", "email": email, "email_verified": True, "exp": now_s + 3600, "iat": now_s,
                         "iss": "https://accounts.google.com", "sub": "1234", **claims}, {"kid": self.push_key.kid, **(header or {})})

    def message(self, kind, message_id=None, package=PACKAGE, **notification):
        """The body of a push. KIND: subscription (purchaseToken), oneTimeProduct (purchaseToken, sku), voidedPurchase, test."""
        name = kind + ("PurchaseNotification" if kind == "voided" else "Notification")
        data = {"version": "1.0", "packageName": package, "eventTimeMillis": str(self.twin.now_ms()), name: {"version": "1.0", **notification}}
        message_id = message_id or str(secrets.randbelow(10**15))
        return {"message": {"attributes": {}, "data": base64.b64encode(json.dumps(data).encode()).decode(), "messageId": message_id,
                            "message_id": message_id, "publishTime": rfc3339(self.twin.now_ms())},
                "subscription": "projects/twin/subscriptions/rtdn"}

    # --- what the server asks

    def _token(self, request):
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        assertion = form.get("assertion", "")
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" or not self.account_key.verifies(assertion):
            return 400, {"error": "invalid_grant"}
        claims, now_s = json.loads(unb64(assertion.split(".")[1])), self.twin.now_ms() / 1000
        if (claims["aud"] != self.twin.url + "/token" or claims["scope"] != "https://www.googleapis.com/auth/androidpublisher"
                or not claims["iat"] - 60 <= now_s < claims["exp"] <= claims["iat"] + 3600):
            return 400, {"error": "invalid_grant", "error_description": "claims"}
        token = "ya29." + secrets.token_hex(32)
        self.access_tokens.add(token)
        return 200, {"access_token": token, "expires_in": self.token_life_s, "token_type": "Bearer"}

    def _certs(self, request):
        return 200, {"keys": [self.push_key.jwk()]}, {"Cache-Control": f"public, max-age={self.certs_age_s}"}

    def _refuses(self, request, token=None):
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.access_tokens:
            return 401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}}
        if token is not None and token not in self.purchases:
            return 404, {"error": {"code": 404, "errors": [{"reason": "purchaseTokenNotFound"}]}}

    def _product(self, request, product_id, token):
        refusal = self._refuses(request, token)
        if not refusal and (self.purchases[token]["product"] != product_id or "lineItems" in self.purchases[token]["body"]):
            refusal = 400, {"error": {"code": 400, "errors": [{"reason": "invalid"}]}}
        return refusal or (200, self.purchases[token]["body"])

    def _subscription(self, request, token):
        refusal = self._refuses(request, token)
        if not refusal and "lineItems" not in self.purchases[token]["body"]:
            refusal = 400, {"error": {"code": 400, "errors": [{"reason": "invalid"}]}}
        return refusal or (200, self.purchases[token]["body"])

    def _act(self, request, product_id, token, verb):
        refusal = self._refuses(request, token)
        if refusal:
            return refusal
        purchase, body = self.purchases[token], self.purchases[token]["body"]
        if verb == "consume":
            if body["consumptionState"] or body["purchaseState"]:
                return 400, {"error": {"code": 400, "errors": [{"reason": "productNotOwnedByUser"}]}}
            body["consumptionState"] = body["acknowledgementState"] = 1
            purchase["consumed"] += 1
        else:
            done = "ACKNOWLEDGEMENT_STATE_ACKNOWLEDGED" if "lineItems" in body else 1
            if body["acknowledgementState"] == done or body.get("purchaseState"):
                return 400, {"error": {"code": 400, "errors": [{"reason": "invalid"}]}}
            body["acknowledgementState"] = done
            purchase["acknowledged"] += 1
        return 204, None

    def _voided(self, request):
        refusal = self._refuses(request)
        start_ms, at = int(request.query.get("startTime", "0")), int(request.query.get("token", "0"))
        if refusal or start_ms < self.twin.now_ms() - 30 * DAY_MS:
            return refusal or (400, {"error": {"code": 400, "message": "startTime"}})
        partial = request.query.get("includeQuantityBasedPartialRefund") == "true"
        found = [v for v in self.voided if int(v["voidedTimeMillis"]) >= start_ms and (partial or "voidedQuantity" not in v)]
        if request.query.get("type", "0") == "0":
            found = [v for v in found if "lineItems" not in self.purchases[v["purchaseToken"]]["body"]]
        answer = {"voidedPurchases": found[at:at + self.page_size]}
        if at + self.page_size < len(found):
            answer["tokenPagination"] = {"nextPageToken": str(at + self.page_size)}
        return 200, answer
