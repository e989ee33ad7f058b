"""A traffic-manager's gRPC API and the TLS server of its webhook, as far as the modules speak to them, on the loopback address."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager import intercepts, protobuf
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

VERSION = b"\n\x13OSS Traffic Manager\x12\x07v2.20.2"
"""What the real one answers."""
ENDS = "2027-11-24T14:05:45Z"


class FakeManager(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers ``Version``, and ``WatchIntercepts`` with ``snapshot`` if it is asked for the empty session; obeys ``RemoveIntercept``.

    ``refusal``: the status that it gives instead of intercepts; ``silent``: whether it sends nothing; ``broken``: the stream ends at once.
    ``stubborn``: it takes the order to remove an intercept and keeps it; ``before_watch`` is called before it sends a snapshot;
    ``drop`` is how it removes one.
    ``asked`` are the names of the methods that were called, ``ended`` is set when the watcher has gone.
    """

    def __init__(self) -> None:
        self.snapshot = b""
        self.refusal: grpc.StatusCode | None = None
        self.silent = self.broken = self.stubborn = False
        self.version = VERSION
        self.before_watch: Callable[[], None] = lambda: None
        self.drop: Callable[[str], None] = self.forget
        self.asked: list[str] = []
        self.ended = threading.Event()
        self._server = grpc.server(ThreadPoolExecutor(max_workers=4), handlers=[self])
        self.port: int = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def stop(self) -> None:
        """Ends the server and every call."""
        self.ended.set()
        self._server.stop(0)

    def service(self, details: Any) -> Any:
        """The handler of a method."""
        service, _, method = details.method.lstrip("/").partition("/")
        assert service == "telepresence.manager.Manager"
        self.asked.append(method)
        if method == "Version":
            return grpc.unary_unary_rpc_method_handler(lambda request, context: self.version)
        if method == "RemoveIntercept":
            return grpc.unary_unary_rpc_method_handler(self._remove)
        assert method == "WatchIntercepts"
        return grpc.unary_stream_rpc_method_handler(self._watch)

    def forget(self, intercept_id: str) -> None:
        """Forgets an intercept."""
        kept = [one for one in protobuf.messages(protobuf.read(self.snapshot), 1) if _id(one) != intercept_id]
        self.snapshot = b"".join(protobuf.write({1: one}) for one in kept)

    def _remove(self, request: bytes, context: Any) -> bytes:
        """As the real one: it wants the session of a client, and says the same whether or not that has such an intercept."""
        fields = protobuf.read(request)
        assert set(fields) == {1, 2}
        session = protobuf.text(protobuf.read(protobuf.message(fields, 1)), 1)
        if session not in {one.session_id for one in intercepts.decode(self.snapshot, "")}:
            context.abort(grpc.StatusCode.NOT_FOUND, f'Client session "{session}" not found')
        if not self.stubborn:
            self.drop(f"{session}:{protobuf.text(fields, 2)}")
        return b""

    def _watch(self, request: bytes, context: Any) -> Iterator[bytes]:
        assert request == b"", "only the empty session may watch without a session of its own"
        gone = threading.Event()
        context.add_callback(gone.set)
        context.add_callback(self.ended.set)
        if self.refusal:
            context.abort(self.refusal, "no token was given")
        if self.broken:
            return
        self.before_watch()
        if not self.silent:
            yield self.snapshot
        gone.wait(30)


class FakeWebhook:
    """A TLS server with a certificate of its own that ends at ``ENDS``."""

    def __init__(self, directory: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(directory / "webhook.pem"))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._context = context
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        """Takes no more connections."""
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
                with self._context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(1)
            except ssl.SSLError:
                continue
            except OSError:
                return


def _id(intercept: bytes) -> str:
    return protobuf.text(protobuf.read(intercept), 5)


def _certificate(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "agent-injector")])
    until = datetime.datetime.strptime(ENDS, "%Y-%m-%dT%H:%M:%SZ")
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    signed = made.not_valid_before(until.replace(year=2026)).not_valid_after(until).sign(key, hashes.SHA256())
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *form) + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path
