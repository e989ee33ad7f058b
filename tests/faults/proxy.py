"""The fault proxy: HTTPS on 127.0.0.1, every call passed on to a real API server but those that meet a fault."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any

from tests.lab.client import Client
from wire import tls
from wire.request import Request

from . import calls
from .connection import Handler, shut
from .faults import Fault

FOREVER = 1 << 30


@dataclass
class Rule:
    """The next *times* calls of this name meet *fault*; *met*: how many have."""

    call: str
    fault: Fault
    times: int = 1
    met: int = 0

    def take(self, call: str) -> Fault | None:
        """The fault if this call is to meet it."""
        if call != self.call or self.met >= self.times:
            return None
        self.met += 1
        return self.fault


class FaultProxy:
    """Passes calls on to *client*'s server until closed. By its answers' dates, everything is *ahead* seconds older than it is.

    *acted* is called after every write that the server carried out, *killed* where the module is to die, *meanwhile* where
    others are to act.
    """

    def __init__(self, client: Client, ahead: float = 0.0) -> None:
        self.client, self.ahead = client, ahead
        self.acted: Callable[[Request], object] = lambda request: None
        self.killed: Callable[[], object] = lambda: None
        self.meanwhile: Callable[[str], object] = lambda what: None
        self.calls: list[str] = []
        self.errors: list[str] = []
        self._rules: list[Rule] = []
        self._wrote = False
        # Once: threads that make the first proxies at the same time may be given two.
        self._identity = tls.shared_identity()
        self._links: set[socket.socket] = set()
        self._busy = 0
        self._lock = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def kubeconfig(self, path: Path) -> str:
        """Writes a kubeconfig for the proxy to *path*, which is returned. Its token is good for nothing else."""
        ca = base64.b64encode(self._identity.ca).decode()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "faults",
            "clusters": [{"name": "faults", "cluster": {"server": self.url, "certificate-authority-data": ca}}],
            "users": [{"name": "faults", "user": {"token": "for-the-fault-proxy"}}],
            "contexts": [{"name": "faults", "context": {"cluster": "faults", "user": "faults"}}],
        }
        path.write_text(json.dumps(config))
        return str(path)

    # For the one who plays a cell -------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def armed(self, rules: Sequence[Rule]) -> Iterator[None]:
        """Within the block, calls meet the faults of *rules*, and all calls are noted; at its end all of them have ended."""
        self.calls, self.errors, self._rules, self._wrote = [], [], [*rules], False
        try:
            yield
        finally:
            self._rules = []
            self.hang_up()
            with self._lock:
                if not self._lock.wait_for(lambda: not self._busy, 30):
                    self.errors.append("a call does not end")
            if self._listener.fileno() < 0:
                self.reopen()

    def refuse(self, seconds: float) -> None:
        """Lets go of the port, and takes it again after a while."""
        listener, self._listener = self._listener, socket.socket()
        self._listener.close()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        self.hang_up()
        if seconds < FOREVER:
            threading.Timer(seconds, self.reopen).start()

    def reopen(self) -> None:
        """Listens again, on the same port."""
        with self._lock:
            if self._listener.fileno() >= 0:
                return
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def hang_up(self) -> None:
        """Ends every open connection."""
        for link in list(self._links):
            shut(link)

    def later(self, date: str) -> str:
        """A ``Date`` header, *ahead* seconds later."""
        return format_datetime(parsedate_to_datetime(date) + timedelta(seconds=self.ahead), usegmt=True)

    # For its connections ----------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        listener = self._listener
        while True:
            try:
                raw, address = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw, address), daemon=True).start()

    def _serve(self, raw: socket.socket, address: Any) -> None:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            link = self._identity.context.wrap_socket(raw, server_side=True)
            self._links.add(link)
            try:
                Handler(link, address, self)  # type: ignore[arg-type]
            except OSError:
                raise
            except Exception:
                self.errors.append(traceback.format_exc())
            finally:
                self._links.discard(link)
                link.close()

    def meet(self, request: Request) -> Fault | None:
        """Notes a call; the fault that it meets."""
        with self._lock:
            call = calls.name_of(request, self._wrote)
            self.calls.append(call)
            self._wrote = self._wrote or request.is_write
            return next((fault for rule in self._rules if (fault := rule.take(call)) is not None), None)

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """While a call is passed on."""
        with self._lock:
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1
                self._lock.notify_all()
