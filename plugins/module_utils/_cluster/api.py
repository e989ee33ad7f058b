# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Requests to one API server: bounded in time, repeated where that is safe, one sentence for every failure."""

from __future__ import annotations

import json
import time
import typing as t
from dataclasses import dataclass

from . import clock
from .errors import ClusterError, refusal
from .foreign import LONGEST_REASON, clean
from .kinds import Kind, Object

try:
    from kubernetes.client.exceptions import ApiException
    from kubernetes.dynamic.exceptions import DynamicApiError
    from urllib3.exceptions import HTTPError
except ImportError:  # connect() says so to the user
    ApiException = DynamicApiError = HTTPError = OSError  # type: ignore[assignment,misc]

T = t.TypeVar("T")

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 30.0
TRIES = 4
"""A request is put at most so often; the pauses between them grow from half a second."""
LONGEST_PAUSE = 10.0
"""Seconds; a request for which the server wishes a longer pause (Retry-After) is not repeated in this run."""
PAGE = 500
"""Objects per page of a list, kubectl's own default (kubectl 1.34, ``--chunk-size``)."""
MERGE_PATCH = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
"""Server-side apply; JSON is YAML too."""
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


@dataclass(frozen=True)
class Answer:
    """What an API server answered: the decoded body and the headers."""

    body: t.Any
    headers: t.Mapping[str, str]


class Api:
    """One API server, spoken to through kubernetes' dynamic client with fixed paths (no discovery per request).

    ``client`` is a ``kubernetes.dynamic.DynamicClient``; its connection pool may be used from several threads.
    ``not_renewed`` gives a sentence on why the credentials are old, empty where they are not.
    """

    def __init__(self, client: t.Any, not_renewed: t.Callable[[], str] = str):
        self.client = client
        self.not_renewed = not_renewed
        self._date = (time.time(), time.monotonic())

    @property
    def server(self) -> str:
        """The API server's URL."""
        return str(self.client.configuration.host)

    def now(self) -> float:
        """The API server's clock, seconds since the epoch: its newest Date header and what has passed since."""
        date, read_at = self._date
        return date + time.monotonic() - read_at

    def get(
        self, path: str, doing: str, query: t.Sequence[tuple[str, t.Any]] = (), accept: str | None = None
    ) -> Answer:
        """GET of one document. Raises ClusterError; ``doing`` is for its sentence ("read pod shop/web")."""
        return self._patiently("get", path, doing, query=query, accept=accept)

    def send(self, method: str, path: str, doing: str, body: Object) -> Answer:
        """A POST, PUT, PATCH (a merge patch) or DELETE with a JSON body. Raises ClusterError.

        It is repeated after 429, 5xx and dropped connections, so the body must carry a precondition (resourceVersion or
        uid) that makes the second try harmless.
        """
        return self._patiently(method, path, doing, body=body)

    def apply(self, path: str, doing: str, body: Object, manager: str) -> Answer:
        """Server-side apply of one object by a field manager, whose fields it takes from anybody else. Raises ClusterError.

        It is repeated as with send(), so the body must carry the resourceVersion that was read.
        """
        query = (("fieldManager", manager), ("force", "true"))
        return self._patiently("patch", path, doing, query=query, body=json.dumps(body), content_type=APPLY)

    def text(self, path: str, doing: str, query: t.Sequence[tuple[str, t.Any]], timeout: float) -> str:
        """GET of a document that is no JSON (a log), as text, within ``timeout`` seconds; undecodable bytes are replaced."""
        return self._patiently("get", path, doing, query=query, raw=True, timeout=timeout).body  # type: ignore[no-any-return]

    def headers(self) -> dict[str, str]:
        """The headers, credentials among them, of a request that does not go through the dynamic client."""
        found = dict(self.client.client.default_headers)
        for setting in self.client.configuration.auth_settings().values():
            if setting["in"] == "header":
                found[setting["key"]] = setting["value"]
        return found

    def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        metadata_only: bool = False,
    ) -> list[Object]:
        """All objects of a kind, page by page; begun anew once where the pages expired (410). Raises ClusterError.

        Objects in a list come without apiVersion and kind: these are put back.
        """
        for last_try in (False, True):
            try:
                return self._pages(kind, namespace, label_selector, field_selector, metadata_only)
            except ClusterError as error:
                if error.status != 410 or last_try:
                    raise
        raise AssertionError("unreachable")

    def _pages(
        self,
        kind: Kind,
        namespace: str | None,
        label_selector: str | None,
        field_selector: str | None,
        metadata_only: bool,
    ) -> t.List[Object]:  # noqa: UP006 - the method of that name hides the builtin
        doing = f"list {kind.plural}" + (f" in namespace {namespace}" if namespace else "")
        selectors = (("labelSelector", label_selector), ("fieldSelector", field_selector))
        found: list[Object] = []
        token = ""
        while True:
            query: t.List[tuple[str, t.Any]] = [("limit", PAGE)]  # noqa: UP006
            query += [(name, value) for name, value in selectors if value]
            if token:
                query.append(("continue", token))
            page = self.get(kind.path(namespace), doing, query, METADATA_ONLY if metadata_only else None).body
            for item in page.get("items") or []:
                found.append({**item, "apiVersion": kind.api_version, "kind": kind.name})
            token = (page.get("metadata") or {}).get("continue") or ""
            if not token:
                return found

    def _patiently(self, method: str, path: str, doing: str, timeout: float = READ_TIMEOUT, **request: t.Any) -> Answer:
        return patiently(
            lambda: self._ask(method, path, doing, timeout=timeout, **request),
            timeout,
            lambda error: error.status == 429 or error.may_have_happened,
        )

    def _ask(
        self,
        method: str,
        path: str,
        doing: str,
        query: t.Sequence[tuple[str, t.Any]] = (),
        body: Object | str | None = None,
        content_type: str = MERGE_PATCH,
        accept: str | None = None,
        timeout: float = READ_TIMEOUT,
        raw: bool = False,
    ) -> Answer:
        params: dict[str, t.Any] = {
            "query_params": [*query],
            "_request_timeout": (min(CONNECT_TIMEOUT, timeout), timeout),
        }
        if method == "patch":
            params["content_type"] = content_type
        if accept or raw:
            params["header_params"] = {"Accept": accept or "*/*"}
        try:
            response = self.client.request(method, path, body=body, serialize=False, **params)
            data: bytes = response.data
        except (DynamicApiError, ApiException) as error:
            if not error.status:
                raise ClusterError(
                    f"Failed to {doing} on {self.server}: {error.reason}.", reason="Transport"
                ) from error
            why = self.not_renewed() if error.status == 401 else ""
            raise refusal(doing, self.server, error.status, error.body, error.headers or {}, why) from error
        except (HTTPError, OSError) as error:
            why = plainly(error)
            raise ClusterError(f"Failed to {doing} on {self.server}: {why}.", reason=type(error).__name__) from error
        date = clock.http_date(response.headers.get("Date"))
        if date is not None:
            self._date = (date, time.monotonic())
        if raw:
            return Answer(data.decode("utf-8", "replace"), response.headers)
        try:
            return Answer(json.loads(data), response.headers)
        except (ValueError, RecursionError) as error:
            raise ClusterError(
                f"Failed to {doing} on {self.server}: the answer is not whole (no valid JSON).", reason="BadAnswer"
            ) from error


def patiently(once: t.Callable[[], T], timeout: float, again: t.Callable[[ClusterError], bool]) -> T:
    """Tries until it succeeds, but begins no further try that could not end within ``timeout`` seconds in all.

    Between two tries is the pause that the server wishes. Raises ClusterError: one after which ``again`` says that no try is worth
    while, or the last.
    """
    started = time.monotonic()
    for attempt in range(TRIES):
        try:
            return once()
        except ClusterError as error:
            pause = error.retry_after if error.retry_after is not None else 0.5 * 2**attempt
            out_of_time = time.monotonic() - started + pause > timeout
            if not again(error) or attempt == TRIES - 1 or pause > LONGEST_PAUSE or out_of_time:
                raise
        time.sleep(pause)
    raise AssertionError("unreachable")


def plainly(error: BaseException) -> str:
    """What a transport's exception means, in words: urllib3's messages show its own objects."""
    cause = getattr(error, "reason", None) or error
    text = str(cause)
    for sign, words in (
        ("Connection refused", "the connection was refused"),
        ("timed out", "no answer in time"),
        ("Name or service not known", "the host name is not known"),
        ("Temporary failure in name resolution", "the host name could not be looked up"),
        ("No route to host", "there is no route to the host"),
        ("CERTIFICATE_VERIFY_FAILED", "the server's certificate is not signed by the CA of these credentials"),
        ("Connection reset", "the connection was reset"),
        ("RemoteDisconnected", "the connection was closed without an answer"),
        ("IncompleteRead", "the answer was cut off"),
        ("Invalid header value", "a credential holds what no header can, such as a line break at its end"),
        ("Failed to parse", "the address of the cluster or of its proxy cannot be read"),
    ):
        if sign in text:
            return words
    return clean(text, LONGEST_REASON).rstrip(".") or type(error).__name__
