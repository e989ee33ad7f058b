"""The fake API server: what each request is answered, who may ask, and a record of all requests.

A test loads objects into ``server.store``, says what its pods answer (``exec``, ``log``, ``port``), orders faults
(``script``), takes rights away (``deny``), and looks at ``server.requests`` and ``server.writes`` afterwards. The
server announces itself as v1.34.4, the version the recorded cases are from.
"""

from __future__ import annotations

import base64
import dataclasses
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import yaml

from . import apply as apply_
from . import evict as evict_
from . import exec as exec_
from . import forward as forward_
from . import kinds as kinds_
from . import pods, script, status
from .request import Access, Request
from .store import Obj, Store
from .tls import Identity, shared_identity
from .transport import Drop, HttpServer, Response, Silence

VERSION = {"major": "1", "minor": "34", "gitVersion": "v1.34.4", "platform": "linux/amd64"}
TOKEN = "fake-token"
USER = "system:serviceaccount:kube-system:recover"
_ANONYMOUS = "system:anonymous"

Answer = TypeVar("Answer")


class ApiServer:
    """One fake cluster, serving while the ``with`` block runs.

    *kinds* may add :data:`.kinds.OPENSHIFT`; *clock* is the server's time (``Date``, creation times), seconds since the
    epoch; *identity* gives the server a CA of its own (see :func:`.tls.make_identity`). ``authorize`` decides on every
    request and access review and may be replaced; :meth:`deny` narrows it. ``evicted`` is called with each pod that was
    evicted, and may put another one in its place.

    Leaving the block fails with AssertionError if a handler broke, or a scripted fault never met a request.
    """

    def __init__(
        self,
        kinds: Iterable[kinds_.Kind] = kinds_.KINDS,
        clock: Callable[[], float] = time.time,
        identity: Identity | None = None,
    ) -> None:
        self.clock = clock
        self.store = Store(kinds, lambda: self.clock())
        self.store.load({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}})
        self.requests: list[Request] = []
        self.errors: list[str] = []
        self.authorize: Callable[[Access], bool] = lambda access: True
        self.evicted: Callable[[Obj], object] = lambda pod: None
        self._identity = identity or shared_identity()
        self._script = script.Script()
        self._execs: dict[tuple[str, str], exec_.Handler] = {}
        self._forwards: dict[tuple[str, str, int], forward_.Outcome] = {}
        self._logs: dict[tuple[str, str, str], str] = {}
        self._ports: dict[tuple[str, str, str], pods.ProxyOutcome] = {}
        self._closing = threading.Event()
        self._http = HttpServer(self, self._identity.context)

    def __enter__(self) -> ApiServer:
        # The interval bounds how long leaving the block takes.
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._http.hang_up()
        if error is None:
            if self.errors:
                raise AssertionError("the fake server broke:\n" + "\n".join(self.errors))
            if unused := self._script.unused():
                raise AssertionError(f"scripted faults that no request met: {unused}")

    # What tests say ---------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The server's address."""
        return f"https://127.0.0.1:{self._http.server_address[1]}"

    @property
    def connections(self) -> int:
        """How many connections were opened to the server."""
        return self._http.accepted

    @property
    def ca(self) -> bytes:
        """The CA of the server's certificate, PEM."""
        return self._identity.ca

    def kubeconfig(self, path: Path, context: str = "fake", user: Obj | None = None, ca: bytes | None = None) -> Path:
        """Writes a kubeconfig for this server to *path*, which is returned.

        *user*: the user's entry instead of the bearer token (an ``exec`` plugin, a wrong ``token``); *ca*: another CA
        (PEM).
        """
        ca_data = base64.b64encode(ca or self.ca).decode()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "clusters": [{"name": context, "cluster": {"server": self.url, "certificate-authority-data": ca_data}}],
            "users": [{"name": context, "user": {"token": TOKEN} if user is None else user}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        }
        path.write_text(yaml.safe_dump(config))
        return path

    def exec(self, namespace: str, pod: str, answer: exec_.Outcome | exec_.Handler) -> None:
        """What an exec into a pod meets: always one outcome, or what a handler says (see :func:`.exec.in_order`)."""
        self._execs[namespace, pod] = answer if callable(answer) else lambda call: answer

    def forward(self, namespace: str, pod: str, port: int, outcome: forward_.Outcome) -> None:
        """What a forwarded port of a pod leads to; the kubelet refuses any other."""
        self._forwards[namespace, pod, port] = outcome

    def log(self, namespace: str, pod: str, text: str, container: str = "") -> None:
        """A pod's log, every line with its timestamp; *container* "" is any container."""
        self._logs[namespace, pod, container] = text

    def port(self, namespace: str, pod: str, method: str, outcome: pods.ProxyOutcome) -> None:
        """What port 9055 of a pod answers to HEAD or GET through the API server's pod proxy."""
        self._ports[namespace, pod, method] = outcome

    def script(self, matcher: script.Matcher, *faults: script.Fault, times: int = 1) -> None:
        """The next requests that *matcher* accepts meet *faults*, each *times* times, in this order."""
        self._script.add(matcher, faults, times)

    def deny(
        self,
        verb: str | None = None,
        resource: str | None = None,
        subresource: str | None = None,
        namespace: str | None = None,
        group: str | None = None,
    ) -> None:
        """Takes a right away, in access reviews and for requests; None is any. Without a right in one namespace there
        is none for the whole cluster either.
        """
        wanted = {"verb": verb, "resource": resource, "subresource": subresource, "group": group}
        before = self.authorize

        def authorize(access: Access) -> bool:
            hit = all(value is None or getattr(access, key) == value for key, value in wanted.items())
            in_scope = namespace is None or access.namespace in ("", namespace)
            return before(access) and not (hit and in_scope)

        self.authorize = authorize

    @property
    def writes(self) -> list[Request]:
        """The requests a check-mode run must not send, see :attr:`.request.Request.is_write`."""
        return [request for request in self.requests if request.is_write]

    # What the HTTP side calls -----------------------------------------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        """Waits, but no longer than the server lives."""
        self._closing.wait(seconds)

    def meet(self, request: Request, act: Callable[[Request], Answer]) -> tuple[Answer, bool]:
        """*act* on a request, with the fault scripted for it; True with the answer = to be truncated."""
        fault = self._script.next_fault(request)
        if isinstance(fault, status.ApiError):
            raise fault
        if isinstance(fault, script.Delay):
            self.sleep(fault.seconds)
        elif isinstance(fault, (script.Reset, script.Hang)):
            if fault.acts:
                act(request)
            if isinstance(fault, script.Hang):
                self.sleep(fault.seconds)
            raise Drop(reset=isinstance(fault, script.Reset))
        elif callable(fault):
            fault(request)
        return act(request), isinstance(fault, script.Truncate)

    def exec_outcome(self, request: Request) -> tuple[exec_.ExecCall, exec_.Outcome]:
        """What an exec meets."""
        self._check_access(request)
        access = request.access
        pod = self.store.read(self.store.kind("Pod"), access.namespace, access.name)
        container = pods.container_of(pod, request.param("container"))
        if not pod["spec"].get("nodeName"):
            raise status.bad_request(f"pod {access.name} does not have a host assigned")
        if request.headers.get("upgrade", "").lower() != "websocket":
            raise status.bad_request("Upgrade request required")
        call = exec_.ExecCall(access.namespace, access.name, container, tuple(request.query.get("command", ())))
        handler = self._execs.get((access.namespace, access.name))
        if handler is None:
            raise AssertionError(f"no exec is scripted for pod {access.namespace}/{access.name}: {call.command}")
        return call, handler(call)

    def forward_outcome(self, request: Request) -> tuple[int, forward_.Outcome]:
        """What a port-forward meets."""
        self._check_access(request)
        access, port = request.access, int(request.param("ports"))
        self.store.read(self.store.kind("Pod"), access.namespace, access.name)
        if request.headers.get("upgrade", "").lower() != "websocket":
            raise status.bad_request("Upgrade request required")
        refused = forward_.Fails(f"error forwarding port {port} to pod: connect: connection refused")
        return port, self._forwards.get((access.namespace, access.name, port), refused)

    def respond(self, request: Request) -> Response:
        """The answer to any request but an exec or a port-forward."""
        self._check_access(request)
        access = request.access
        if access.resource in {plural for _group, _kind, plural in kinds_.REVIEWS} and request.method == "POST":
            return Response(self._review(request), 201)
        if request.kind:
            if request.kind.name == "Pod" and access.subresource == "proxy":
                return self._proxy(request)
            if request.kind.name == "Pod" and (access.subresource, request.method) == ("log", "GET"):
                return self._log(request)
            return self._object(request, request.kind)
        body = self._discovery(request.path.rstrip("/"))
        if body is not None:
            return Response(body)
        if access.resource and kinds_.resource_list(self.store.kinds, access.group, "v1"):
            raise status.no_such_path()
        return Response(b"404 page not found\n", 404, {"Content-Type": "text/plain; charset=utf-8"})

    def _discovery(self, path: str) -> Obj | None:
        """What the server says about itself at *path*, if it does."""
        if path == "/version":
            return dict(VERSION)
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            return kinds_.group_list(self.store.kinds)
        if path == "/api/v1":
            return kinds_.resource_list(self.store.kinds, "", "v1")
        if path.startswith("/apis/") and path.count("/") == 3:
            return kinds_.resource_list(self.store.kinds, *path.split("/")[2:])
        return None

    # Access -----------------------------------------------------------------------------------------------------------

    def _user(self, request: Request) -> str:
        authorization = request.headers.get("authorization")
        if authorization is None:
            return _ANONYMOUS
        if authorization != f"Bearer {TOKEN}":
            raise status.unauthorized()
        return request.headers.get("impersonate-user", USER)

    def _check_access(self, request: Request) -> None:
        user, access = self._user(request), request.access
        if not access.resource:
            # What `system:public-info-viewer` lets anybody read.
            if user == _ANONYMOUS and request.path != "/version":
                message = f'forbidden: User "{user}" cannot {access.verb} path "{request.path}"'
                raise status.ApiError(403, "Forbidden", message, {})
            return
        if user != _ANONYMOUS and access.resource in {plural for _group, _kind, plural in kinds_.REVIEWS}:
            return
        if user == _ANONYMOUS or not self.authorize(access):
            resource = f"{access.resource}/{access.subresource}" if access.subresource else access.resource
            raise status.forbidden(user, access.verb, access.group, resource, access.namespace, access.name)

    def _review(self, request: Request) -> Obj:
        access = request.access
        name = next(name for _group, name, plural in kinds_.REVIEWS if plural == access.resource)
        body: Obj = {**request.body, "kind": name, "apiVersion": f"{access.group}/v1"}
        user = self._user(request)
        if access.resource == "selfsubjectreviews":
            return body | {"status": {"userInfo": {"username": user, "groups": ["system:authenticated"]}}}
        asked: Obj = body["spec"].get("resourceAttributes") or {}
        names = ("verb", "group", "resource", "subresource", "namespace", "name")
        allowed = self.authorize(Access(**{name: asked.get(name, "") for name in names}))
        return body | {"status": {"allowed": True} if allowed else {"allowed": False, "reason": "no rule allows it"}}

    # Objects ----------------------------------------------------------------------------------------------------------

    def _object(self, request: Request, kind: kinds_.Kind) -> Response:
        access = request.access
        if access.verb == "list":
            return self._list(request, kind)
        if access.verb == "create" and not access.name:
            return Response(self.store.create(kind, access.namespace, request.body, request.dry_run), 201)
        if (kind.name, access.subresource, request.method) == ("Pod", "eviction", "POST"):
            return Response(evict_.evict(self.store, request, self.evicted), 201)
        if access.subresource == "scale" and kind.scale:
            return Response(self._scale(request, kind))
        if access.name and not access.subresource:
            return Response(self._single(request, kind))
        raise status.method_not_allowed()

    def _scale(self, request: Request, kind: kinds_.Kind) -> Obj:
        where = (kind, request.access.namespace, request.access.name)
        if request.method == "GET":
            return self.store.scale(*where)
        if request.method == "PUT":
            return self.store.update_scale(*where, request.body, request.dry_run)
        if request.method == "PATCH":
            return self.store.patch_scale(*where, request.body, request.content_type, request.dry_run)
        raise status.method_not_allowed()

    def _single(self, request: Request, kind: kinds_.Kind) -> Obj:
        where = (kind, request.access.namespace, request.access.name)
        if request.method == "GET":
            obj = self.store.read(*where)
            return _partial(obj) if self._accepted(request, "PartialObjectMetadata") else obj
        if request.method == "PUT":
            return self.store.update(*where, request.body, request.dry_run)
        if request.method == "PATCH" and request.content_type == apply_.MEDIA_TYPE:
            if self.store.get(kind.name, request.access.name, request.access.namespace) is None:
                self._check_access(
                    dataclasses.replace(request, access=dataclasses.replace(request.access, verb="create"))
                )
            manager, force = request.param("fieldManager"), request.flag("force")
            return self.store.apply(*where, request.body, manager, force, request.dry_run)
        if request.method == "PATCH":
            return self.store.patch(*where, request.body, request.content_type, request.dry_run)
        if request.method == "DELETE":
            return self.store.delete(*where, request.body or {}, request.dry_run)
        raise status.method_not_allowed()

    def _list(self, request: Request, kind: kinds_.Kind) -> Response:
        query = {key: values[0] for key, values in request.query.items()}
        partial = self._accepted(request, "PartialObjectMetadataList")
        items, metadata = self.store.list(kind, request.access.namespace, query)
        if partial:
            body = {
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "items": [_partial(obj) for obj in items],
            }
        else:
            # Items of a typed list carry neither kind nor apiVersion.
            bare = [{key: value for key, value in obj.items() if key not in ("kind", "apiVersion")} for obj in items]
            body = {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "items": bare}
        return Response({**body, "metadata": metadata})

    @staticmethod
    def _accepted(request: Request, partial: str) -> bool:
        """Whether the client prefers the metadata-only form *partial*; 406 if it takes nothing this server has."""
        for accepted in (request.headers.get("accept") or "*/*").split(","):
            media, *parameters = (part.strip() for part in accepted.split(";"))
            form = dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter).get("as", "")
            if media == "application/json" and form == partial:
                return True
            if media in ("application/json", "application/*", "*/*") and not form:
                return False
        raise status.not_acceptable()

    # Pods -------------------------------------------------------------------------------------------------------------

    def _log(self, request: Request) -> Response:
        access = request.access
        pod = self.store.read(self.store.kind("Pod"), access.namespace, access.name)
        container = pods.container_of(pod, request.param("container"))
        names = (access.namespace, access.name)
        text = self._logs.get((*names, container), self._logs.get((*names, ""), ""))
        data = pods.log(pod, container, text, request, self.clock())
        return Response(data, headers={"Content-Type": "text/plain"})

    def _proxy(self, request: Request) -> Response:
        access = request.access
        scheme_name_port = access.name.split(":")
        name, port = scheme_name_port[-2:] if len(scheme_name_port) > 1 else (access.name, "")
        pod = self.store.read(self.store.kind("Pod"), access.namespace, name)
        if not request.rest:
            return Response(b"", 301, {"Location": request.path + "/"})
        outcome = self._ports.get((access.namespace, name, request.method))
        if port != "9055" or outcome is None:
            address = (pod.get("status") or {}).get("podIP", "10.244.0.2")
            outcome = pods.Unreachable(f"dial tcp {address}:{port}: connect: connection refused")
        if isinstance(outcome, pods.Silent):
            raise Silence
        if isinstance(outcome, pods.Unreachable):
            raise pods.unreachable(outcome)
        return Response(outcome.body, outcome.code, dict(outcome.headers))


def _partial(obj: Obj) -> Obj:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
