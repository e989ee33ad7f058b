"""Which cluster, as whom: what is refused, what is named, and that nothing waits for ever."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster import connect
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wire import status, tls
from wire.request import Request
from wire.script import FOREVER, Hang, Truncate, on
from wire.server import TOKEN, USER, ApiServer

from .cluster import MAIN, Cluster

MODULES = list(MAIN)
WriteKubeconfig = Callable[..., str]


def refused(cluster: Cluster, module: str, **options: Any) -> str:
    """The one sentence with which a run failed that wrote nothing."""
    result = cluster.run(module, **options)
    assert result["failed"] is True
    message = str(result["msg"])
    assert "\n" not in message and "Traceback" not in message and "object at 0x" not in message
    assert message.endswith(".")
    assert cluster.writes == []
    return message


# Environment --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    "env",
    [
        {"K8S_AUTH_HOST": "https://192.0.2.1:6443"},
        {"K8S_AUTH_API_KEY": "another-token"},
        {"K8S_AUTH_HOST": "https://192.0.2.1:6443", "K8S_AUTH_API_KEY": "another-token"},
    ],
)
@pytest.mark.parametrize("named", ["kubeconfig", "context"])
def test_an_environment_that_would_win_is_refused(
    cluster: Cluster, module: str, env: dict[str, str], named: str
) -> None:
    options = {"kubeconfig": cluster.kubeconfig} if named == "kubeconfig" else {"kubeconfig": None, "context": "fake"}
    message = refused(cluster, module, env=env, **options)
    assert message.startswith(f"The credentials are ambiguous: {' and '.join(env)} in the environment")
    assert named in message and "another-token" not in message
    assert cluster.requests == []


def test_an_environment_alone_is_obeyed(cluster: Cluster, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(cluster.server.ca)
    env = {"K8S_AUTH_HOST": cluster.server.url, "K8S_AUTH_API_KEY": TOKEN, "K8S_AUTH_SSL_CA_CERT": str(ca)}
    result = cluster.run("info", kubeconfig=None, env=env)
    assert result["cluster"]["server"] == cluster.server.url
    assert cluster.writes == []


def test_options_beat_the_environment(cluster: Cluster, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(cluster.server.ca)
    env = {"K8S_AUTH_HOST": "https://192.0.2.1:6443", "K8S_AUTH_API_KEY": "another-token"}
    result = cluster.run("info", kubeconfig=None, host=cluster.server.url, api_key=TOKEN, ca_cert=str(ca), env=env)
    assert (result["cluster"]["server"], result["cluster"]["user"]) == (cluster.server.url, USER)
    assert cluster.writes == []


# Credentials --------------------------------------------------------------------------------------------------------------

PLUGIN = {
    "exec": {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "/bin/false",
        "args": [],
        "interactiveMode": "Never",
    }
}


@pytest.mark.parametrize("module", MODULES)
def test_a_credential_plugin_that_fails_is_named(
    cluster: Cluster, module: str, write_kubeconfig: WriteKubeconfig
) -> None:
    message = refused(cluster, module, kubeconfig=write_kubeconfig(user=PLUGIN))
    assert "/bin/false" in message and message.startswith("No credentials were found ")


def speaking(directory: Path, *lines: str) -> dict[str, Any]:
    """The user of a kubeconfig whose credential plugin runs these lines of sh."""
    script = directory / "login"
    script.write_text("\n".join(["#!/bin/sh", *lines]))
    script.chmod(0o700)
    secret = {"name": "LOGIN_SECRET", "value": "swordfish"}
    return {"exec": {**PLUGIN["exec"], "command": str(script), "env": [secret]}}


@pytest.mark.parametrize("module", MODULES)
def test_what_a_credential_plugin_says_when_it_fails_is_told_without_secrets(
    cluster: Cluster, module: str, tmp_path: Path, write_kubeconfig: WriteKubeconfig
) -> None:
    said = 'printf "Unable to log in\\n\\nwith $LOGIN_SECRET and eyJhbGciOiJSUzI1NiJ9.e30.x\\n" >&2; exit 3'
    message = refused(cluster, module, kubeconfig=write_kubeconfig(user=speaking(tmp_path, said)))
    assert message.endswith(f"{tmp_path}/login gave none (Unable to log in with (left out) and (left out)).")


def test_a_credential_plugin_that_fails_is_named_where_the_cluster_cannot_be_reached_either(
    cluster: Cluster, tmp_path: Path, write_kubeconfig: WriteKubeconfig
) -> None:
    path = Path(write_kubeconfig(user=speaking(tmp_path, "echo no login >&2; exit 1")))
    config = yaml.safe_load(path.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    path.write_text(yaml.safe_dump(config))
    assert refused(cluster, "info", kubeconfig=str(path)).endswith("gave none (no login).")


def test_of_a_traceback_the_last_line_is_told(
    cluster: Cluster, tmp_path: Path, write_kubeconfig: WriteKubeconfig
) -> None:
    said = 'printf "Traceback (most recent call last):\\n  File\\nOSError: no login\\n" >&2; exit 3'
    message = refused(cluster, "info", kubeconfig=write_kubeconfig(user=speaking(tmp_path, said)))
    assert message.endswith("gave none (OSError: no login).")


def test_a_credential_plugin_that_is_not_there_is_named(cluster: Cluster, write_kubeconfig: WriteKubeconfig) -> None:
    user = {"exec": {**PLUGIN["exec"], "command": "no-such-plugin"}}
    message = refused(cluster, "info", kubeconfig=write_kubeconfig(user=user))
    sentence = "the credential plugin no-such-plugin gave none ([Errno 2] No such file or directory: 'no-such-plugin')."
    assert message.endswith(sentence)


def test_a_credential_plugin_whose_token_the_cluster_does_not_know_is_named(
    cluster: Cluster, tmp_path: Path, write_kubeconfig: WriteKubeconfig
) -> None:
    user = speaking(tmp_path, f"echo '{credential('unknown-token-canary')}'")
    message = refused(cluster, "restore", kubeconfig=write_kubeconfig(user=user))
    assert f"does not accept what the credential plugin {tmp_path}/login gave (Unauthorized)" in message
    assert "unknown-token-canary" not in message


def credential(token: str) -> str:
    """What a credential plugin prints of a token that has expired."""
    gone = {"token": token, "expirationTimestamp": "2020-01-01T00:00:00Z"}
    return json.dumps({"apiVersion": PLUGIN["exec"]["apiVersion"], "kind": "ExecCredential", "status": gone})


def test_a_token_that_has_expired_is_made_anew(
    cluster: Cluster, tmp_path: Path, write_kubeconfig: WriteKubeconfig
) -> None:
    cluster.stage()
    runs = tmp_path / "runs"
    user = speaking(tmp_path, f"echo run >> '{runs}'; echo '{credential(TOKEN)}'")
    assert len(cluster.run("restore", kubeconfig=write_kubeconfig(user=user))["restored"]) == 1
    assert len(runs.read_text().splitlines()) > 10


def test_a_credential_plugin_that_makes_no_other_token_is_named(
    cluster: Cluster, tmp_path: Path, write_kubeconfig: WriteKubeconfig
) -> None:
    """The client goes on with the old token, until the cluster does not know it any more."""
    once = tmp_path / "once"
    lines = [
        f"[ -e '{once}' ] && echo 'The login has expired' >&2 && exit 1",
        f"touch '{once}'; echo '{credential(TOKEN)}'",
    ]
    refusal = status.unauthorized()
    cluster.server.script(on(resource="selfsubjectaccessreviews"), refusal, times=FOREVER)
    message = refused(cluster, "restore", kubeconfig=write_kubeconfig(user=speaking(tmp_path, *lines)))
    assert message.endswith(f" The credential plugin {tmp_path}/login gave no new one (The login has expired).")


def test_a_credential_plugin_in_a_kubeconfig_given_inline_is_named(
    cluster: Cluster, write_kubeconfig: WriteKubeconfig
) -> None:
    config = yaml.safe_load(Path(write_kubeconfig(user=PLUGIN)).read_text())
    message = refused(cluster, "info", kubeconfig=config)
    # Ansible masks every value of an option that holds secrets, the plugin's name too.
    assert message.startswith("No credentials were found ") and "the credential plugin" in message


def test_a_kubeconfig_without_credentials_is_refused(cluster: Cluster, write_kubeconfig: WriteKubeconfig) -> None:
    message = refused(cluster, "restore", kubeconfig=write_kubeconfig(user={}))
    assert "they hold no token, no certificate and no user" in message


def _client_certificate(directory: Path) -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    files = {"client-certificate": directory / "client.pem", "client-key": directory / "client-key.pem"}
    files["client-certificate"].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files["client-key"].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return {name: str(path) for name, path in files.items()}


@pytest.mark.parametrize("module", MODULES)
def test_a_certificate_that_the_cluster_does_not_know_is_anonymous(
    cluster: Cluster, module: str, tmp_path: Path, write_kubeconfig: WriteKubeconfig
) -> None:
    """The server answers, but to nobody in particular: it refuses even the question who is asking."""
    cluster.stage()
    message = refused(cluster, module, kubeconfig=write_kubeconfig(user=_client_certificate(tmp_path)))
    assert "system:anonymous" in message
    assert not cluster.seen("list")


def test_a_cluster_that_says_who_is_asking_is_believed(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster may let anybody look around, and ask who they are."""
    review: Callable[[Request], dict[str, Any]] = cluster.server._review

    def nobody(request: Request) -> dict[str, Any]:
        answer = review(request)
        return answer | (
            {"status": {"userInfo": {"username": "system:anonymous"}}} if "userInfo" in answer["status"] else {}
        )

    monkeypatch.setattr(cluster.server, "_review", nobody)
    message = refused(cluster, "restore")
    assert "system:anonymous" in message and "log in again" in message
    assert not cluster.seen("list")


@pytest.mark.parametrize("module", MODULES)
def test_a_token_that_is_no_longer_known_is_told(
    cluster: Cluster, module: str, write_kubeconfig: WriteKubeconfig
) -> None:
    message = refused(cluster, module, kubeconfig=write_kubeconfig(user={"token": "expired-token-canary"}))
    assert "log in again, or renew the token" in message or "Unauthorized" in message
    assert "expired-token-canary" not in message


@pytest.mark.parametrize("module", MODULES)
def test_a_server_of_another_ca_is_not_spoken_to(
    cluster: Cluster, module: str, write_kubeconfig: WriteKubeconfig
) -> None:
    message = refused(cluster, module, kubeconfig=write_kubeconfig(ca=tls.make_identity().ca))
    assert "the server's certificate is not signed by the CA of these credentials" in message
    assert cluster.requests == []


@pytest.mark.parametrize(
    ("options", "said"),
    [({"context": "nowhere"}, "nowhere"), ({"kubeconfig": "/nonexistent/kubeconfig"}, "context (the current one)")],
)
def test_credentials_that_do_not_exist_are_named(cluster: Cluster, options: dict[str, str], said: str) -> None:
    message = refused(cluster, "info", **options)
    assert said in message and "Invalid kube-config file" in message
    assert cluster.requests == []


# Reach --------------------------------------------------------------------------------------------------------------------


def _kubeconfig_for(path: Path, port: int, ca: bytes) -> str:
    with ApiServer() as other:
        config = yaml.safe_load(other.kubeconfig(path, ca=ca).read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    path.write_text(yaml.safe_dump(config))
    return str(path)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and says nothing, until it hangs up after a few seconds: the test has failed then."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    connection = listener.accept()[0]
                    accepted.append(connection)
                    hang_up = threading.Timer(4, connection.close)
                    hang_up.daemon = True
                    hang_up.start()
            except OSError:
                pass

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        for connection in accepted:
            connection.close()


@pytest.mark.parametrize("module", MODULES)
def test_a_server_that_is_down_is_told_at_once(cluster: Cluster, module: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    began = time.monotonic()
    message = refused(cluster, module, kubeconfig=_kubeconfig_for(tmp_path / "dead", port, cluster.server.ca))
    assert "the connection was refused" in message
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("module", MODULES)
def test_a_server_that_says_nothing_is_given_up(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, module: str, tmp_path: Path, silent_port: int
) -> None:
    monkeypatch.setattr(connect, "LONGEST_CONNECT", 1.0)
    began = time.monotonic()
    message = refused(cluster, module, kubeconfig=_kubeconfig_for(tmp_path / "silent", silent_port, cluster.server.ca))
    assert "no answer in time" in message
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("module", ["restore"])
@pytest.mark.parametrize("resource", ["selfsubjectreviews", "namespaces", "selfsubjectaccessreviews"])
def test_a_server_that_stops_answering_is_given_up(cluster: Cluster, hasty: None, module: str, resource: str) -> None:
    cluster.server.script(on(resource=resource), Hang(20), times=FOREVER)
    began, clock = time.monotonic(), cluster.clock.time()
    message = refused(cluster, module)
    assert "no answer in time" in message and cluster.server.url in message
    assert time.monotonic() - began < 10
    assert cluster.clock.time() - clock <= 30 * 50


# Identity -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_a_cluster_is_its_kube_system(cluster: Cluster, module: str) -> None:
    result = cluster.run(module)
    kube_system = cluster.store.get("Namespace", "kube-system")
    assert kube_system
    assert result["cluster"] == {
        "server": cluster.server.url,
        "identity": kube_system["metadata"]["uid"],
        "identity_source": "kube-system",
        "version": "v1.34.4",
        "user": USER,
    }
    assert result["changed"] is False
    assert cluster.writes == []


def test_where_kube_system_may_not_be_read_the_ca_tells_clusters_apart(cluster: Cluster, tmp_path: Path) -> None:
    fault = status.forbidden(USER, "get", "", "namespaces", "", "kube-system")
    kube_system = on("get", "namespaces", name="kube-system")
    cluster.server.script(kube_system, fault, times=FOREVER)
    found = [cluster.run("info")["cluster"] for _run in range(2)]
    assert found[0] == found[1] and found[0]["identity_source"] == "ca"
    assert found[0]["identity"].startswith("sha256:")
    with ApiServer(identity=tls.make_identity()) as other:
        other.script(kube_system, fault)
        kubeconfig = str(other.kubeconfig(tmp_path / "other"))
        assert cluster.run("info", kubeconfig=kubeconfig)["cluster"]["identity"] != found[0]["identity"]
    assert cluster.writes == []


def test_a_cluster_without_an_identity_is_warned_of(cluster: Cluster) -> None:
    kube_system = on("get", "namespaces", name="kube-system")
    cluster.server.script(kube_system, status.forbidden(USER, "get", "", "namespaces", "", "kube-system"))
    options: dict[str, Any] = {
        "kubeconfig": None,
        "host": cluster.server.url,
        "api_key": TOKEN,
        "validate_certs": False,
    }
    result = cluster.run("info", **options)
    assert (result["cluster"]["identity"], result["cluster"]["identity_source"]) == (None, None)
    assert any("identity" in warning for warning in result["warnings"])
    assert cluster.writes == []


def test_a_cluster_before_1_28_cannot_say_who_is_asking(cluster: Cluster) -> None:
    cluster.stage()
    cluster.server.script(on(resource="selfsubjectreviews"), status.no_such_path())
    result = cluster.run()
    assert result["cluster"]["user"] is None
    assert len(cluster.writes) == 2


def test_half_a_version_is_none(cluster: Cluster) -> None:
    cluster.stage()
    cluster.server.script(lambda request: request.path == "/version", Truncate())
    result = cluster.run()
    assert result["cluster"]["version"] is None
    assert len(cluster.writes) == 2


@pytest.mark.parametrize("path", ["/version", "/apis"])
def test_a_cluster_that_is_busy_while_it_is_reached_is_asked_again(cluster: Cluster, path: str) -> None:
    cluster.stage()
    cluster.server.script(lambda request: request.path == path, status.too_many_requests(retry_after=0), times=2)
    cluster.run()
    assert len(cluster.writes) == 2
    assert [request.status for request in cluster.seen() if request.path == path] == [429, 429, 200]


def test_a_cluster_that_stays_busy_says_so(cluster: Cluster) -> None:
    cluster.server.script(
        lambda request: request.path == "/apis", status.too_many_requests(retry_after=60), times=FOREVER
    )
    result = cluster.run()
    assert result["msg"].startswith("Failed to ask which kinds there are on the cluster of context")
    assert "asked us to try again later" in result["msg"]
    assert [request.status for request in cluster.seen() if request.path == "/apis"] == [429]
