"""The tars that the lab's images are made of."""

from __future__ import annotations

import hashlib
import io
import json
import pathlib
import subprocess
import tarfile
from collections.abc import Callable

from tests.lab.images.archive import Image, to_archive
from tests.lab.images.layer import Layer, merged_usr


def members(tar: bytes) -> dict[str, tarfile.TarInfo]:
    """The entries of a tar by name, in its order."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        return {member.name: member for member in opened}


def content(tar: bytes, name: str) -> bytes:
    """What a file in a tar holds."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        file = opened.extractfile(name)
        assert file is not None
        return file.read()


def sample(*, backwards: bool = False) -> Layer:
    """The same small tree, its entries added in one order or the other."""
    layer = Layer()
    steps: list[Callable[[], None]] = [
        lambda: layer.file("usr/bin/tool", b"#!/bin/sh\n", 0o755),
        lambda: layer.symlink("usr/bin/alias", "tool"),
        lambda: layer.directory("tmp", 0o1777),
    ]
    for step in reversed(steps) if backwards else steps:
        step()
    return layer


def test_layer_depends_on_its_content_alone() -> None:
    assert sample().to_tar() == sample(backwards=True).to_tar()
    assert {(m.mtime, m.uid, m.gid, m.uname) for m in members(sample().to_tar()).values()} == {(0, 0, 0, "")}


def test_layer_has_parents_before_children() -> None:
    tar = members(sample().to_tar())
    assert list(tar) == ["tmp", "usr", "usr/bin", "usr/bin/alias", "usr/bin/tool"]
    assert (tar["tmp"].mode, tar["usr/bin/tool"].mode, tar["usr/bin/alias"].linkname) == (0o1777, 0o755, "tool")


def test_package_files_go_where_a_merged_usr_has_them(tmp_path: pathlib.Path) -> None:
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text("Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n")
    for path, text in {"bin/tool": "tool", "usr/bin/other": "other", "usr/share/doc/x": "text"}.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    (tree / "bin/hard").hardlink_to(tree / "bin/tool")
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, tmp_path / "x.deb"], check=True)
    layer = Layer()
    layer.package(tmp_path / "x.deb", lambda path: not f"{path}/".startswith("usr/share/"))
    merged_usr(layer)
    tar = layer.to_tar()
    assert [n for n in members(tar) if "/" in n] == ["usr/bin", "usr/bin/hard", "usr/bin/other", "usr/bin/tool"]
    assert content(tar, "usr/bin/hard") == content(tar, "usr/bin/tool") == b"tool"
    assert members(tar)["bin"].linkname == "usr/bin"


def test_archive_names_its_config_and_layer_by_digest() -> None:
    archive = to_archive(Image(["lab.local/x:1", "lab.local/x:2"], sample(), {"Cmd": ["/bin/x"]}), "amd64")
    (manifest,) = json.loads(content(archive, "manifest.json"))
    config = content(archive, manifest["Config"])
    (layer,) = (content(archive, name) for name in manifest["Layers"])
    assert manifest["RepoTags"] == ["lab.local/x:1", "lab.local/x:2"]
    assert manifest["Config"] == f"{hashlib.sha256(config).hexdigest()}.json"
    assert json.loads(config)["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert json.loads(config)["config"] == {"Cmd": ["/bin/x"]}
