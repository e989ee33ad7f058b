"""One request as the server understood it: what the client sent, and the attributes an authoriser sees."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from . import apply
from .kinds import REVIEWS, Kind

_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_NAMED = "metadata.name="


@dataclass(frozen=True)
class Access:
    """The attributes of an access decision; "" where one does not apply. *namespace* "" is the whole cluster."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


@dataclass
class Request:
    """One recorded request.

    *query* holds all values per key; *headers* have lower-case names; *body* is the parsed JSON (None if there was
    none); *kind* is None outside of the known resources; *rest* is the path behind ``proxy``; *status* is the HTTP
    status answered, None while or if nothing was.
    """

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any
    access: Access
    kind: Kind | None = None
    rest: str = ""
    status: int | None = field(default=None, compare=False)

    def param(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return self.query.get(name, [default])[0]

    def flag(self, name: str) -> bool:
        """A boolean query parameter."""
        return self.param(name).lower() in ("1", "true")

    @property
    def content_type(self) -> str:
        """The media type of the body; JSON where the client names none, as kubectl with its DeleteOptions."""
        return self.headers.get("content-type", "application/json").split(";")[0]

    @property
    def dry_run(self) -> bool:
        """Whether the request asks for no effect, in the query or in its DeleteOptions."""
        options = self.body if self.method == "DELETE" and isinstance(self.body, dict) else {}
        return "All" in self.query.get("dryRun", ()) or "All" in options.get("dryRun", ())

    @property
    def is_write(self) -> bool:
        """Whether a check-mode run must not send it: PATCH, PUT, DELETE, POST other than access reviews and exec."""
        if self.method not in ("PATCH", "PUT", "DELETE", "POST") or self.access.subresource == "exec":
            return False
        return self.access.resource not in {plural for _group, _kind, plural in REVIEWS}

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def parse(method: str, target: str, headers: dict[str, str], data: bytes, kinds: Iterable[Kind]) -> Request:
    """A request from its line, headers and body, which stays unread unless it is JSON. Paths: ``/api/v1/...`` and
    ``/apis/GROUP/VERSION/...``, see the API conventions.
    """
    url = urlsplit(target)
    # The scheme and port of `pods/http:NAME:PORT/proxy` may be escaped.
    parts = [unquote(part) for part in url.path.split("/") if part]
    query = parse_qs(url.query, keep_blank_values=True)
    request = Request(method, url.path, query, headers, None, Access(_VERBS.get(method, method.lower())))
    if data and ("json" in request.content_type or request.content_type == apply.MEDIA_TYPE):
        request.body = json.loads(data)
    if parts[:1] == ["api"] and len(parts) > 2:
        group, parts = "", parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        group, parts = parts[1], parts[3:]
    else:
        return request
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2:
        namespace, parts = parts[1], parts[2:]
    resource, name, subresource, rest = (*parts[:3], *[""] * (3 - len(parts)), "/".join(parts[3:]))
    verb = request.access.verb
    if not name:
        verb = {"get": "watch" if request.flag("watch") else "list", "delete": "deletecollection"}.get(verb, verb)
    if verb == "list":
        # A list of the one object of a name is decided as a request for that object, as by the real server.
        name = next(
            (part[len(_NAMED) :] for part in request.param("fieldSelector").split(",") if part.startswith(_NAMED)), ""
        )
    request.access = Access(verb, group, resource, subresource, namespace, name)
    # A slash at the end tells the path "/" of a proxied pod from no path.
    request.rest = "/" + rest if rest or url.path.endswith("/") else ""
    request.kind = next((kind for kind in kinds if (kind.group, kind.plural) == (group, resource)), None)
    return request
