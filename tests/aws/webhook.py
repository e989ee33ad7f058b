"""The authentication webhook of an API server, as EKS has it: it takes tokens of AWS, and lets AWS say whose they are.

What it checks is what aws-iam-authenticator checks (v0.7, pkg/token/token.go): the prefix, the address and its parameters, the age, and then the answer to the
address itself, asked with the name of this cluster in the signed header.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import http.server
import json
import pathlib
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

PARAMETERS = {
    *("action", "version", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires"),
    *("x-amz-security-token", "x-amz-signature", "x-amz-signedheaders"),
}


@dataclass
class Webhook:
    """*cluster* is this cluster's name, *sts* the address of AWS, *users* who is let in: the Kubernetes user by the ARN.

    A token is accepted for *lifetime* seconds, by this machine's clock; *accepted* are the tokens that were.
    """

    cluster: str
    sts: str
    users: dict[str, str]
    lifetime: float = 900.0
    accepted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def status(self, token: str) -> dict[str, Any]:
        """The status of a TokenReview."""
        try:
            arn = self._arn(token)
            user = self.users[arn]
        except (ValueError, KeyError, OSError) as error:
            self.refused.append(f"{type(error).__name__}: {error}")
            return {"authenticated": False, "error": str(error)}
        self.accepted.append(token)
        return {"authenticated": True, "user": {"username": user, "uid": arn, "groups": ["developers"]}}

    def _arn(self, token: str) -> str:
        """Whose token it is, a role without the name of its session. Raises ValueError, OSError."""
        if not token.startswith("k8s-aws-v1."):
            raise ValueError("no token of AWS")
        encoded = token.partition(".")[2]
        address = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        parts = urlsplit(address)
        query = {name.lower(): values for name, values in parse_qs(parts.query).items()}
        if f"{parts.scheme}://{parts.netloc}" != self.sts or parts.path != "/":
            raise ValueError("the address is not that of STS")
        if query.keys() - PARAMETERS or any(len(values) > 1 for values in query.values()):
            raise ValueError("the address has other parameters")
        if query.get("action") != ["GetCallerIdentity"] or "x-k8s-aws-id" not in query["x-amz-signedheaders"][0]:
            raise ValueError("the address asks something else, or for no cluster")
        date = datetime.datetime.strptime(query["x-amz-date"][0], "%Y%m%dT%H%M%SZ")
        if date.replace(tzinfo=datetime.timezone.utc).timestamp() + self.lifetime < time.time():
            raise ValueError("the token has expired")
        request = urllib.request.Request(address, headers={"x-k8s-aws-id": self.cluster})
        with urllib.request.urlopen(request, timeout=10) as answer:
            arn = re.findall("<Arn>(.*)</Arn>", answer.read().decode())[0]
        return re.sub("arn:aws:sts::([0-9]+):assumed-role/([^/]+)/.*", r"arn:aws:iam::\1:role/\2", arn)


@contextlib.contextmanager
def serving(webhook: Webhook, directory: pathlib.Path) -> Iterator[pathlib.Path]:
    """Serves it; the kubeconfig for the API server, in *directory*."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            review["status"] = webhook.status(review["spec"]["token"])
            body = json.dumps(review).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Nothing: the tokens are the test's own, but the output is everybody's."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        config = {
            "clusters": [{"name": "it", "cluster": {"server": f"http://127.0.0.1:{server.server_address[1]}/"}}],
            "users": [{"name": "it", "user": {}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "current-context": "it",
        }
        path = directory / "webhook.kubeconfig"
        path.write_text(json.dumps(config))
        yield path
        server.shutdown()
