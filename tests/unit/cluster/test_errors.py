"""One sentence for every refusal, and what may follow from it."""

from __future__ import annotations

import json
import types

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.api import Api, plainly
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.errors import (
    ClusterError,
    refusal,
    status_of,
)

SERVER = "https://10.0.0.1:6443"


def status(message: str, reason: str = "Forbidden") -> bytes:
    """A Status object."""
    return json.dumps({"kind": "Status", "message": message, "reason": reason}).encode()


@pytest.mark.parametrize(
    ("code", "body", "sentence"),
    [
        pytest.param(
            404,
            status('pods "web" not found', "NotFound"),
            f'Failed to read pod shop/web on {SERVER}: pods "web" not found.',
            id="not-found",
        ),
        pytest.param(
            403,
            status('pods is forbidden: User "dev" cannot list resource'),
            f'Failed to read pod shop/web on {SERVER}: pods is forbidden: User "dev" cannot list resource. '
            "Grant this right to the account, or limit the run to namespaces where it has it.",
            id="forbidden",
        ),
        pytest.param(
            401,
            status("Unauthorized", "Unauthorized"),
            f"Failed to read pod shop/web on {SERVER}: Unauthorized. "
            "The cluster does not know these credentials: log in again, or renew the token.",
            id="unauthorized",
        ),
        pytest.param(
            409, status("ends itself."), f"Failed to read pod shop/web on {SERVER}: ends itself.", id="one-full-stop"
        ),
        pytest.param(
            400, status("../x and a...b"), f"Failed to read pod shop/web on {SERVER}: ../x and a...b.", id="ellipsis"
        ),
        pytest.param(
            502,
            b"<html>Bad Gateway</html>",
            f"Failed to read pod shop/web on {SERVER}: HTTP 502 without an explanation.",
            id="html",
        ),
        pytest.param(
            500, None, f"Failed to read pod shop/web on {SERVER}: HTTP 500 without an explanation.", id="no-body"
        ),
    ],
)
def test_sentences(code: int, body: bytes | None, sentence: str) -> None:
    error = refusal("read pod shop/web", SERVER, code, body, {})
    assert (str(error), error.status) == (sentence, code)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("1", 1.0),
        ("0", 0.0),
        (None, None),
        ("", None),
        ("Sun, 22 Nov 2026 12:00:00 GMT", None),
        ("-1", None),
        ("nan", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    headers = {} if header is None else {"Retry-After": header}
    assert refusal("list pods", SERVER, 429, None, headers).retry_after == seconds


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (status("no", "Conflict"), ("no", "Conflict")),
        (status("no", "Conflict").decode(), ("no", "Conflict")),
        (b'{"kind": "Status"}', ("", "")),
        (b'{"kind": "Pod", "message": "x"}', ("", "")),
        (b"[]", ("", "")),
        (b"\xff\xfe", ("", "")),
        (b"", ("", "")),
        (None, ("", "")),
        ("[" * 100_000, ("", "")),
        (status("\x1b[31m" + "x" * 5000, "\x00"), (r"\x1b[31m" + "x" * 491 + "…", r"\x00")),
    ],
    ids=["bytes", "text", "bare", "other-kind", "list", "no-utf8", "empty", "none", "brackets", "hostile"],
)
def test_status_of(body: str | bytes | None, expected: tuple[str, str]) -> None:
    assert status_of(body) == expected


@pytest.mark.parametrize(
    ("code", "may_have_happened", "conflict"),
    [
        (None, True, False),
        (400, False, False),
        (403, False, False),
        (409, False, True),
        (422, False, False),
        (429, False, False),
        (499, False, False),
        (500, True, False),
        (503, True, False),
        (504, True, False),
    ],
)
def test_what_may_follow(code: int | None, may_have_happened: bool, conflict: bool) -> None:
    error = ClusterError("x", status=code)
    assert (error.may_have_happened, error.conflict) == (may_have_happened, conflict)


class Wrapped(Exception):
    """Like urllib3's: the cause is in ``reason``."""

    def __init__(self, reason: BaseException):
        super().__init__("HTTPSConnectionPool(host='x', port=443): Max retries exceeded with url: /")
        self.reason = reason


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "the connection was refused"),
        (Wrapped(OSError("[Errno 111] Connection refused")), "the connection was refused"),
        (TimeoutError("timed out"), "no answer in time"),
        (Wrapped(OSError("certificate verify failed [CERTIFICATE_VERIFY_FAILED]")), "not signed by the CA"),
        (OSError("[Errno -2] Name or service not known"), "the host name is not known"),
        (ConnectionResetError(104, "Connection reset by peer"), "the connection was reset"),
        (ValueError("something else."), "something else"),
        (ValueError(), "ValueError"),
    ],
    ids=["refused", "wrapped", "time-out", "certificate", "name", "reset", "other", "wordless"],
)
def test_plainly(error: BaseException, words: str) -> None:
    said = plainly(error)
    assert words in said
    assert not said.endswith(".") and "HTTPSConnectionPool" not in said


@pytest.mark.parametrize("body", [b'{"items": [', b"[" * 100_000, b"<html>", b"\xff"])
def test_an_answer_that_is_no_whole_json_is_none(body: bytes) -> None:
    answer = types.SimpleNamespace(data=body, headers={})
    client = types.SimpleNamespace(
        configuration=types.SimpleNamespace(host="https://10.0.0.1"), request=lambda *_args, **_options: answer
    )
    with pytest.raises(ClusterError, match="the answer is not whole"):
        Api(client).get("/api/v1/pods", "list pods")
