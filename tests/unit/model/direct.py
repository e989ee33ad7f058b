"""Runs the module's real ``main()`` against the fake server without a wire: some hundred runs in the time of ten.

In the product's place stand only the module object (its options are checked by the module's real argument spec), the
connection, and the websocket. What the API server answers is the fake server's, word for word.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import quote, urlencode

import urllib3
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.devclusters.telepresence.plugins.module_utils import _run, _signals
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster import errors, execute, reach
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.api import Api
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps import ask
from ansible_collections.devclusters.telepresence.plugins.modules import telepresence_restore
from kubernetes.client.exceptions import ApiException

from modules.fake_time import FakeTime, lent_to_the_product
from wire import exec as exec_
from wire import transport
from wire.request import Request, parse
from wire.server import TOKEN, VERSION, ApiServer
from wire.status import ApiError

Result = dict[str, Any]
Exchange = Callable[[Request, Callable[[], Any]], Any]
"""Carries one request out; who watches, or has something to do between two requests, does it around that."""


class _Ended(Exception):
    """A module gave its result."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


class _Module:
    """What the product uses of an AnsibleModule."""

    tmpdir = ""

    def __init__(self, params: Mapping[str, Any], check: bool, client: Client) -> None:
        self.params = params
        self.check_mode = check
        self.client = client

    def exit_json(self, **result: Any) -> None:
        """Ends the module."""
        raise _Ended({"failed": False, **result})

    def fail_json(self, msg: str, **result: Any) -> None:
        """Ends the module, as failed."""
        raise _Ended({"failed": True, "msg": msg, **result})

    def warn(self, text: str) -> None:
        """Tells the user; no rule is about that."""


class Client:
    """Stands in for kubernetes' dynamic client: each request goes straight to the server's own code."""

    configuration = SimpleNamespace(host="https://model", ssl_ca_cert=None)
    version: Mapping[str, Any] = {"kubernetes": VERSION}

    def __init__(self, server: ApiServer, clock: FakeTime, exchange: Exchange) -> None:
        self._server, self._clock, self._exchange = server, clock, exchange

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        serialize: bool = False,
        query_params: Sequence[tuple[str, Any]] = (),
        header_params: Mapping[str, str] | None = None,
        _request_timeout: tuple[float, float] = (0, 0),
    ) -> Any:
        """One request, and an answer as urllib3 gives it."""
        accept = (header_params or {}).get("Accept", "application/json")
        request = self._parsed(method, path, query_params, {"accept": accept}, body)

        def act() -> Any:
            try:
                answer, _truncated = self._server.meet(request, self._server.respond)
            except ApiError as error:
                raise _refused(error) from error
            except transport.Silence as error:
                self._clock.sleep(_request_timeout[1])
                raise urllib3.exceptions.TimeoutError("timed out") from error
            request.status = answer.code
            if answer.code >= 400:
                raise ApiException(status=answer.code, reason="")
            return SimpleNamespace(data=answer.data(), headers={"Date": self._date(), **answer.headers})

        return self._exchange(request, act)

    def exec(self, path: str, query: Sequence[tuple[str, str]]) -> exec_.Outcome:
        """One exec into a pod."""
        request = self._parsed("get", path, query, {"upgrade": "websocket"}, None)
        outcome: exec_.Outcome = self._exchange(request, lambda: self._server.exec_outcome(request)[1])
        return outcome

    def _parsed(
        self, method: str, path: str, query: Sequence[tuple[str, Any]], headers: Mapping[str, str], body: Any
    ) -> Request:
        target = quote(path) + ("?" + urlencode(query) if query else "")
        data = b"" if body is None else json.dumps(body).encode()
        sent = {"authorization": f"Bearer {TOKEN}", **headers}
        return parse(method.upper(), target, sent, data, self._server.store.kinds)

    def _date(self) -> str:
        return formatdate(self._clock.time(), usegmt=True)


def _refused(error: ApiError) -> ApiException:
    refused = ApiException(status=error.code, reason="")
    refused.body, refused.headers = json.dumps(error.body), {}
    return refused


def _execute(api: Api, namespace: str, pod: str, container: str, command: Sequence[str], deadline: float) -> Any:
    """In the place of the websocket."""
    doing = f"exec into pod {namespace}/{pod}"
    query = [("container", container), ("stdout", "true"), ("stderr", "true"), *(("command", word) for word in command)]
    try:
        outcome = api.client.exec(f"/api/v1/namespaces/{namespace}/pods/{pod}/exec", query)
    except ApiError as error:
        raise errors.refusal(doing, api.server, error.code, json.dumps(error.body), {}) from error
    if not isinstance(outcome, exec_.Ran):
        raise errors.ClusterError(f"Failed to {doing} on {api.server}: it was not run.", status=500, reason="NotRun")
    return execute.Finished(outcome.stdout.decode(), outcome.stderr.decode(), outcome.exit_code)


class _Pending(threading.local):
    """The run that this thread is about to begin."""

    client: Client
    check: bool
    options: Mapping[str, Any]


_pending = _Pending()


def _module(argument_spec: Mapping[str, Any], supports_check_mode: bool = False, **more: Any) -> _Module:
    """In the place of AnsibleModule."""
    validated = ArgumentSpecValidator(argument_spec, **more).validate(_pending.options)
    assert not validated.error_messages, validated.error_messages
    return _Module(validated.validated_parameters, _pending.check, _pending.client)


def _reach(api: Api, method: str, namespace: str, pod: str, port: int, deadline: float) -> reach.Reached:
    """In the place of a request through the pod proxy, of which any answer is one."""
    try:
        response = api.client.request(
            method,
            f"/api/v1/namespaces/{namespace}/pods/http:{pod}:{port}/proxy/",
            _request_timeout=(deadline, deadline),
        )
    except ApiException as error:
        return reach.Reached(error.status, error.headers or {}, error.body or "")
    except urllib3.exceptions.TimeoutError as error:
        raise errors.ClusterError("No answer in time.", reason="ReadTimeoutError") from error
    return reach.Reached(200, response.headers, "")


@contextlib.contextmanager
def no_wire(clock: FakeTime) -> Iterator[None]:
    """While it lasts, the module is run by :func:`restore` alone, and the product's time is *clock*."""
    with contextlib.ExitStack() as stack:
        for patch in lent_to_the_product(clock):
            stack.enter_context(patch)
        stack.enter_context(mock.patch.object(telepresence_restore, "AnsibleModule", _module))
        # Only a process may say what is to become of it: here two runs share one, and a thread of their own.
        stack.enter_context(mock.patch.object(_signals, "ending", return_value=contextlib.nullcontext()))
        stack.enter_context(mock.patch.object(_run, "connect", lambda module: Api(module.client)))
        stack.enter_context(mock.patch.object(ask, "execute", _execute))
        stack.enter_context(mock.patch.object(ask, "reach", _reach))
        yield


def restore(client: Client, check: bool = False, **options: Any) -> Result:
    """The result of a run of telepresence_restore. Its requests come one after another, in the same order in every run."""
    _pending.client, _pending.check, _pending.options = client, check, {**options, "concurrency": 1}
    try:
        telepresence_restore.main()
    except _Ended as ended:
        result: Result = json.loads(json.dumps(ended.result))
        return result
    raise AssertionError("the module ended without a result")
