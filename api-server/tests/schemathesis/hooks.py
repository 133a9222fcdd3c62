"""CollabPay's signature, over what is sent, wherever Schemathesis meant to send a right one."""

import hashlib
import hmac
import os
import time

import requests.auth
import schemathesis


class Signature(requests.auth.AuthBase):
    def __call__(self, request):
        given = request.headers
        if given.get("x-collab-signature") == "to-be-signed" and given.get("x-collab-timestamp", "").isdecimal():
            timestamp, body = str(int(time.time())), request.body or b""
            signed = timestamp.encode() + b"." + (body if isinstance(body, bytes) else body.encode())
            given["x-collab-timestamp"] = timestamp
            given["x-collab-signature"] = hmac.new(os.environ["COLLAB_PAY_WEBHOOK_SECRET"].encode(), signed, hashlib.sha256).hexdigest()
        return request


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.path == "/api/webhooks/collabpay":
        kwargs["auth"] = Signature()
