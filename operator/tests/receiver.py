"""A local receiver of the operator's messages that checks their shape and signature, and misbehaves when told."""

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time

from scene import STACK

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
SIGNING_KEY = b"thirty-two bytes of signing key!"
SIGNING = "whsec_" + base64.b64encode(SIGNING_KEY).decode()


class Receiver:
    """All three receivers on one port. REFUSE: the status that a path (by its first part) is answered with instead of 2xx; a path in HANG is not answered."""

    def __init__(self):
        self.lock, self.taken, self.tried, self.refuse, self.hang, self.problems, self.subjects = threading.Lock(), [], [], {}, set(), [], []
        self.released = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = outer.take(self.path, self.headers, body)
                if status is None:
                    outer.released.wait(60)
                    self.close_connection = True
                    return
                answer = b"<html>not what you think</html>" if status == 200 else b"{}"
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                if 300 <= status < 400:
                    self.send_header("Location", f"http://127.0.0.1:{outer.port}/slack/elsewhere")
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def take(self, path, headers, body):
        part = path.split("/")[1]
        with self.lock:
            try:
                message = {"slack": self.read_slack, "v2": self.read_pagerduty, "hook": self.read_hook}[part](path, headers, json.loads(body))
                if part == "hook":
                    self.check_signature(headers, body)
            except (AssertionError, KeyError, ValueError) as problem:
                self.problems.append(f"{path}: {problem!r}: {body[:500]}")
                return 400
            self.tried.append((part, message))
            if part in self.hang:
                return None
            if part in self.refuse:
                return self.refuse[part]
            self.taken.append((part, message))
            if part == "hook":
                body = json.loads(body)
                self.subjects.append((body["source"], body["data"]["subject"]))
            return 202 if part == "v2" else 200

    @staticmethod
    def read_slack(path, headers, body):
        assert path == "/slack/T0/B0/hidden" and headers["Content-Type"] == "application/json"
        header, section = body["blocks"]
        assert header == {"type": "header", "text": {"type": "plain_text", "text": body["text"]}} and len(body["text"]) <= 150
        assert section["type"] == "section" and section["text"]["type"] == "mrkdwn" and 0 < len(section["text"]["text"]) <= 3000
        return body["text"]

    @staticmethod
    def read_pagerduty(path, headers, body):
        assert headers["Content-Type"] == "application/json" and body["routing_key"] == ROUTING_KEY
        payload = body["payload"]
        assert payload["summary"] and payload["source"].endswith(f"/{STACK}") and payload["timestamp"].endswith("Z")
        if path == "/v2/change/enqueue":
            assert "event_action" not in body
            return ("change", payload["summary"])
        assert path == "/v2/enqueue" and payload["severity"] in ("critical", "info")
        return (body["event_action"], body["dedup_key"])

    @staticmethod
    def read_hook(path, headers, body):
        assert headers["Content-Type"].startswith("application/cloudevents+json")
        assert body["specversion"] == "1.0" and body["id"] == headers["webhook-id"] and body["datacontenttype"] == "application/json"
        assert body["source"].endswith(f"/supernovastacks/{STACK}") and body["type"].startswith("com.supernova.platform.")
        return (body["data"]["event"], body["id"])

    @staticmethod
    def check_signature(headers, body):
        assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
        content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.new(SIGNING_KEY, content, hashlib.sha256).digest()).decode()
        assert hmac.compare_digest(headers["webhook-signature"], expected)

    def secret_data(self):
        """What a Secret holds for slack, pagerduty (key pager) and webhook (key hook)."""
        values = {"slack": f"http://127.0.0.1:{self.port}/slack/T0/B0/hidden\n", "pager": ROUTING_KEY,
                  "hook": f"http://127.0.0.1:{self.port}/hook/hidden", "hook.signing": SIGNING}
        return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}

    def heard(self, namespace):
        """Subjects that the webhook has had from a namespace, in their order, repeats left out."""
        with self.lock:
            return list(dict.fromkeys(subject for source, subject in self.subjects if f"/namespaces/{namespace}/" in source))

    def of(self, part):
        with self.lock:
            return [message for taken, message in self.taken if taken == part]

    def attempts(self, part):
        with self.lock:
            return [message for tried, message in self.tried if tried == part]
