"""The App Store as it signs transactions and notifications, and as its server API shows them."""

import base64
import json
import pathlib
import secrets
import subprocess
import tempfile
import time
import uuid

BUNDLE, APP_ID = "com.collab.supernova", 1234567890
ISSUER, KEY_ID = "57246542-96fe-1a63-e053-0824d011072a", "2X9R4HXF34"
ACCOUNTS = uuid.UUID("65ee5d5a-1236-5bda-bd21-12306a2a9a51")
DAY_MS = 86400000
LEAF_OID, ISSUER_OID = "1.2.840.113635.100.6.11.1", "1.2.840.113635.100.6.2.1"
STATUS = {"active": 1, "expired": 2, "retry": 3, "grace": 4, "revoked": 5}


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def openssl(*arguments, stdin=b""):
    return subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, check=True).stdout


def pair_of(der):
    """r and s, 32 bytes each, of a signature in DER."""
    pair, at = b"", 2
    for _ in range(2):
        n = der[at + 1]
        pair += int.from_bytes(der[at + 2:at + 2 + n], "big").to_bytes(32, "big")
        at += 2 + n
    return pair


def der_of(pair):
    """The other way."""
    numbers = b""
    for half in (pair[:32], pair[32:]):
        number = half.lstrip(b"\0") or b"\0"
        number = b"\0" + number if number[0] & 0x80 else number
        numbers += b"\x02" + bytes([len(number)]) + number
    return b"\x30" + bytes([len(numbers)]) + numbers


class Authority:
    """Three certificates, of which the first signs."""

    def __init__(self, directory, name, leaf_oid=LEAF_OID, issuer_oid=ISSUER_OID):
        self.base = directory / name
        self._make("root", None, "basicConstraints=critical,CA:TRUE")
        self._make("issuer", "root", "basicConstraints=critical,CA:TRUE" + (f"\n{issuer_oid}=DER:0500" if issuer_oid else ""))
        self._make("leaf", "issuer", f"{leaf_oid}=DER:0500" if leaf_oid else "keyUsage=digitalSignature")
        self.x5c = [base64.b64encode(openssl("x509", "-in", self.path(part, "crt"), "-outform", "der")).decode() for part in ("leaf", "issuer", "root")]

    def path(self, part, kind):
        return f"{self.base}-{part}.{kind}"

    def _make(self, part, issuer, extensions):
        key, request, extension = (self.path(part, kind) for kind in ("key", "csr", "ext"))
        pathlib.Path(extension).write_text(extensions + "\n")
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        openssl("req", "-new", "-key", key, "-subj", f"/CN={self.base.name} {part}", "-out", request)
        signer = ["-CA", self.path(issuer, "crt"), "-CAkey", self.path(issuer, "key"), "-CAcreateserial"] if issuer else ["-signkey", key]
        openssl("x509", "-req", "-in", request, *signer, "-days", 3650, "-extfile", extension, "-out", self.path(part, "crt"))

    def sign(self, payload, **header):
        text = b64({"alg": "ES256", "x5c": self.x5c, **header}) + "." + b64(payload)
        return text + "." + b64(pair_of(openssl("dgst", "-sha256", "-sign", self.path("leaf", "key"), stdin=text.encode())))


class AppleTwin:
    def __init__(self, twin):
        self.twin, self.directory = twin, tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.directory.name)
        self.authority = Authority(folder, "twin")
        self.api_key = folder / "api.key"
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.api_key)
        openssl("pkey", "-in", self.api_key, "-pubout", "-out", folder / "api.pub")
        self.transactions, self.history, self.page_size, self.last_ms = {}, [], 20, 0
        self.routes = [("GET", r"(/sandbox)?/inApps/v1/transactions/([0-9]+)", self._transaction),
                       ("POST", r"(/sandbox)?/inApps/v1/notifications/history", self._history)]

    # --- admin: what happens in the App Store

    def settings(self):
        """What makes a server believe and ask this one."""
        return {"APPLE_ROOT_CA_FILE": self.authority.path("root", "crt"), "APPLE_API_BASE": self.twin.url, "APPLE_ISSUER_ID": ISSUER,
                "APPLE_KEY_ID": KEY_ID, "APPLE_PRIVATE_KEY": self.api_key.read_text(), "APPLE_APP_ID": str(APP_ID)}

    def stranger(self, **oids):
        """Another authority, made like ours."""
        return Authority(pathlib.Path(self.directory.name), "stranger-" + secrets.token_hex(4), **oids)

    def account(self, profile):
        return str(uuid.uuid5(ACCOUNTS, profile))

    def buy(self, product_id, account=None, type="Consumable", quantity=1, sandbox=False, **fields):
        """A transaction's id; ACCOUNT: the profile that the app told."""
        number, at_ms = str(2000000000000000 + secrets.randbelow(10**15)), self._now_ms()
        self.transactions[number] = {
            "transactionId": number, "originalTransactionId": number, "bundleId": BUNDLE, "productId": product_id, "purchaseDate": at_ms,
            "originalPurchaseDate": at_ms, "quantity": quantity, "type": type, "inAppOwnershipType": "PURCHASED", "storefront": "USA",
            "environment": "Sandbox" if sandbox else "Production", "transactionReason": "PURCHASE", "price": 1990, "currency": "USD",
            **({"appAccountToken": self.account(account)} if account else {}), **fields}
        return number

    def subscribe(self, product_id, days=30, **more):
        number = self.buy(product_id, type="Auto-Renewable Subscription", subscriptionGroupIdentifier="21", **more)
        self.transactions[number]["expiresDate"] = self.transactions[number]["purchaseDate"] + int(days * DAY_MS)
        return number

    def renew(self, number, days=30, product_id=None):
        """The next period, which begins now: its transaction's id. Another PRODUCT_ID: an upgrade."""
        old, new, at_ms = self.transactions[number], self.buy("", type="", sandbox=False), self._now_ms()
        self.transactions[new] = {**old, "transactionId": new, "purchaseDate": at_ms, "expiresDate": at_ms + int(days * DAY_MS),
                                  "transactionReason": "RENEWAL", "productId": product_id or old["productId"]}
        if product_id:
            old["isUpgraded"] = True
        return new

    def change(self, number, **fields):
        """Fields of a transaction; None takes one out."""
        transaction = self.transactions[number]
        transaction.update(fields)
        for name in [name for name, value in transaction.items() if value is None]:
            del transaction[name]

    def refund(self, number, **fields):
        self.change(number, revocationDate=self._now_ms(), revocationReason=0, **fields)

    def reverse(self, number):
        self.change(number, revocationDate=None, revocationReason=None)

    def show(self, number, authority=None, header=None, **fields):
        """The transaction as it is now, signed."""
        return (authority or self.authority).sign({**self.transactions[number], "signedDate": self._now_ms(), **fields}, **(header or {}))

    def notify(self, kind, number=None, subtype=None, status=None, renews=True, grace_until_ms=None, listed=True, data=None, nested=None, **fields):
        """A signed notification, in the history too where it is LISTED."""
        payload = {"notificationType": kind, "notificationUUID": str(uuid.uuid4()), "version": "2.0", "signedDate": self._now_ms(),
                   **({"subtype": subtype} if subtype else {})}
        if number:
            payload["data"] = self._data(number, status, renews, grace_until_ms, nested or {}) | (data or {})
        elif data:
            payload["data"] = data
        text = self.authority.sign({**payload, **fields})
        if listed:
            self.history.append((payload["signedDate"], text))
        return text

    # --- its own

    def _now_ms(self):
        """Never the same twice."""
        self.last_ms = max(self.last_ms + 1, self.twin.now_ms())
        return self.last_ms

    def _data(self, number, status, renews, grace_until_ms, nested):
        transaction = self.transactions[number]
        data = {"bundleId": BUNDLE, "bundleVersion": "1", "environment": transaction["environment"], "appAppleId": APP_ID,
                "signedTransactionInfo": self.show(number, **nested)}
        if transaction["environment"] == "Sandbox":
            del data["appAppleId"]
        if "expiresDate" in transaction:
            data["status"] = STATUS[status or "active"]
            data["signedRenewalInfo"] = self.authority.sign({
                "originalTransactionId": transaction["originalTransactionId"], "autoRenewProductId": transaction["productId"],
                "productId": transaction["productId"], "autoRenewStatus": int(renews), "signedDate": self._now_ms(),
                "environment": transaction["environment"], **({"gracePeriodExpiresDate": grace_until_ms} if grace_until_ms else {})})
        return data

    # --- what the server asks

    def _refuses(self, request):
        text, _, signature = request.headers.get("Authorization", "").removeprefix("Bearer ").rpartition(".")
        try:
            header, claims = (json.loads(unb64(part)) for part in text.split("."))
            signed = pathlib.Path(self.directory.name) / "api.sig"
            signed.write_bytes(der_of(unb64(signature)))
            openssl("dgst", "-sha256", "-verify", self.api_key.with_suffix(".pub"), "-signature", signed, stdin=text.encode())
            good = (header == {"alg": "ES256", "typ": "JWT", "kid": KEY_ID} and claims["iss"] == ISSUER and claims["bid"] == BUNDLE
                    and claims["aud"] == "appstoreconnect-v1" and claims["iat"] - 60 <= time.time() < claims["exp"] <= claims["iat"] + 3600)
        except (ValueError, KeyError, subprocess.CalledProcessError):
            good = False
        return None if good else (401, b"Unauthenticated\n")

    def _transaction(self, request, sandbox, number):
        transaction = self.transactions.get(number)
        if not transaction or (transaction["environment"] == "Sandbox") != bool(sandbox):
            return self._refuses(request) or (404, {"errorCode": 4040010, "errorMessage": "Transaction id not found."})
        return self._refuses(request) or (200, {"signedTransactionInfo": self.show(number)})

    def _history(self, request, sandbox):
        asked, start = request.json(), int(request.query.get("paginationToken", "0"))
        if not 0 < asked["startDate"] < asked["endDate"]:
            return 400, {"errorCode": 4000018, "errorMessage": "Invalid request."}
        found = [text for at_ms, text in self.history if asked["startDate"] <= at_ms <= asked["endDate"]]
        page = found[start:start + self.page_size]
        return self._refuses(request) or (200, {
            "hasMore": start + len(page) < len(found), "paginationToken": str(start + len(page)),
            "notificationHistory": [{"signedPayload": text, "sendAttempts": [{"attemptDate": 1, "sendAttemptResult": "TIMED_OUT"}]} for text in page]})
