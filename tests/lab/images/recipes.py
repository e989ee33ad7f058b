"""What is in each image of the lab.

The proxy image re-creates what clients find in ``datawire/telepresence-k8s`` (telepresenceio/telepresence 0.109,
``k8s-proxy/Dockerfile``): sshd on port 8022 that user ``telepresence`` (1000:0) enters without a password, ``python3``
and a busybox shell. Its base is Debian instead of Alpine, and ``proxy/forwarder.py`` stands where the original has a
Twisted program: a stand-in, held against recordings of the real one by ``tests/integration/test_stand_in.py``.

The image of Telepresence 2 holds what ``build-aux/docker/images/Dockerfile.traffic`` of telepresence 2.20.2 puts into it: the
program ``traffic``, which is manager, agent and init container by its first argument, a shell, and iptables.
"""

from __future__ import annotations

import pathlib
import subprocess
import tempfile

from ..packages import IPTABLES
from .archive import Image
from .layer import Layer, merged_usr

PROXY_FILES = pathlib.Path(__file__).parent / "proxy"
PROXY_ROOTS = ["busybox-static", "libpython3-stdlib", "openssh-client", "openssh-server", "python3-minimal"]
PROXY_PROGRAMS = ("busybox", "python3", "ssh-keygen", "sshd")
TEL2_ROOTS = ["busybox-static", "iptables"]
TEL2_PROGRAMS = ("busybox", "xtables-")
CURL_ROOTS = ["busybox-static", "curl"]
CURL_PROGRAMS = ("busybox", "curl")
# In these packages, but of no use in a container: documentation, character sets, services, and all other programs.
UNWANTED = ("etc/", "usr/games/", "usr/lib/systemd/", "usr/lib/sysusers.d/", "usr/share/", "var/")


def pause(busybox: pathlib.Path) -> Image:
    """Return the image of the container that holds a pod's namespaces; ``busybox`` is the package busybox-static."""
    return Image(["lab.local/pause:1"], _busybox(busybox), {"Cmd": ["/bin/sleep", "infinity"], "StopSignal": "SIGKILL"})


def app(busybox: pathlib.Path) -> Image:
    """Return the image of an ordinary workload: a web server on port 8080, and every other busybox command.

    It is stopped by SIGKILL because busybox, as process 1, would sit out the grace period of every deletion. Its other name is what the
    manager of Telepresence 2 puts in the place of a replaced container, to run ``sleep`` (cmd/traffic/cmd/manager/mutator/agent_injector.go
    of 2.20.2): a cluster without a registry would never start it.
    """
    layer = _busybox(busybox)
    layer.file("www/index.html", b"app\n")
    layer.directory("tmp", 0o1777)
    settings = {"Cmd": ["/bin/httpd", "-f", "-p", "8080", "-h", "/www"], "StopSignal": "SIGKILL"}
    return Image(["lab.local/app:1", "alpine:latest"], layer, settings)


def telepresence_proxy(packages: list[pathlib.Path]) -> Image:
    """Return the stand-in for the proxy of a Telepresence session; ``packages`` are the closure of `PROXY_ROOTS`."""
    layer = programs(packages, PROXY_PROGRAMS)
    layer.file("etc/passwd", b"root:x:0:0::/:/bin/sh\ntelepresence::1000:0:Telepresence User:/usr/src/app:/bin/ash\n")
    layer.file("etc/group", b"root:x:0:\n")
    # Without this, glibc takes the first line of /etc/hosts only, and "localhost" would not be ::1 too.
    layer.file("etc/host.conf", b"multi on\n")
    layer.file("etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files dns\n")
    layer.file("etc/ssh/sshd_config", (PROXY_FILES / "sshd_config").read_bytes())
    # The original makes this directory writable for the group of its user, which is 0.
    layer.directory("usr/src/app", 0o775)
    layer.file("usr/src/app/run.sh", (PROXY_FILES / "run.sh").read_bytes(), 0o755)
    layer.file("usr/src/app/forwarder.py", (PROXY_FILES / "forwarder.py").read_bytes())
    settings = {
        "User": "1000:0",
        "Cmd": ["/usr/src/app/run.sh"],
        "WorkingDir": "/usr/src/app",
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    }
    return Image([f"lab.local/telepresence-k8s:{version}" for version in ("0.87", "0.105", "0.109")], layer, settings)


def tel2(packages: list[pathlib.Path], traffic: bytes) -> Image:
    """Return the image of Telepresence 2; ``packages`` are the closure of `TEL2_ROOTS`, ``traffic`` is its program."""
    layer = programs(packages, TEL2_PROGRAMS)
    for name in IPTABLES:
        layer.symlink(f"usr/sbin/{name}", "xtables-nft-multi")
    layer.file("usr/bin/traffic", traffic, 0o755)
    return Image(["lab.local/tel2:2.20.2"], layer, {"Entrypoint": ["/usr/bin/traffic"]})


def curl(packages: list[pathlib.Path]) -> Image:
    """Return an image of curl and a shell; ``packages`` are the closure of `CURL_ROOTS`."""
    return Image(["lab.local/curl:1"], programs(packages, CURL_PROGRAMS), {"Entrypoint": ["/usr/bin/curl"]})


def programs(packages: list[pathlib.Path], programs: tuple[str, ...]) -> Layer:
    """The libraries of ``packages`` with those programs whose names begin so; busybox stands for every other command."""

    def wanted(path: str) -> bool:
        directory, _, name = path.rpartition("/")
        if directory in ("usr/bin", "usr/sbin"):
            return name.startswith(programs)
        return not f"{path}/".startswith(UNWANTED) and "/gconv/" not in f"{path}/"

    layer = Layer()
    for applet in _applets(_only(packages, "busybox-static")):
        layer.symlink(f"usr/bin/{applet}", "busybox")
    for package in packages:
        layer.package(package, wanted)
    merged_usr(layer)
    layer.directory("tmp", 0o1777)
    return layer


def _busybox(package: pathlib.Path) -> Layer:
    layer = Layer()
    layer.package(package, lambda path: path == "usr/bin/busybox")
    for applet in _applets(package):
        layer.symlink(f"usr/bin/{applet}", "busybox")
    merged_usr(layer)
    return layer


def _applets(package: pathlib.Path) -> list[str]:
    """Return the names under which the package's busybox answers."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["dpkg-deb", "--extract", package, directory], check=True)
        listing = subprocess.run([f"{directory}/bin/busybox", "--list"], check=True, capture_output=True, text=True)
    return [applet for applet in listing.stdout.split() if applet != "busybox"]


def _only(packages: list[pathlib.Path], name: str) -> pathlib.Path:
    return next(package for package in packages if package.name.startswith(f"{name}_"))
