"""Environments of intercepted containers, on the laptop: the paths that change, and the files that others read."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.plugin_utils._environment import rooted, written
from dotenv import dotenv_values

ROOT = "/tmp/telfs-1"
TOKEN = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"
MOUNTS = "/var/run/secrets/eks.amazonaws.com/serviceaccount:/etc/shop:/"


def taken(mounts: str = MOUNTS, root: str = ROOT, **variables: str) -> dict[str, str]:
    return {"TELEPRESENCE_ROOT": root, "TELEPRESENCE_MOUNTS": mounts, **variables}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (TOKEN, ROOT + TOKEN),
        ("/etc/shop", ROOT + "/etc/shop"),
        ("/etc/shop/", ROOT + "/etc/shop/"),
        ("/etc/shop/tls/ca.crt", ROOT + "/etc/shop/tls/ca.crt"),
        ("/etc/./shop/a/../b", ROOT + "/etc/./shop/a/../b"),
        ("/etc/shop/../passwd", "/etc/shop/../passwd"),
        ("/etc/shopping", "/etc/shopping"),
        ("/etc", "/etc"),
        ("/usr/bin:/etc/shop", "/usr/bin:/etc/shop"),
        ("etc/shop/a", "etc/shop/a"),
        ("https://shop/etc/shop/a", "https://shop/etc/shop/a"),
        (ROOT + "/etc/shop/a", ROOT + "/etc/shop/a"),
        ("", ""),
    ],
)
def test_only_paths_at_or_below_a_mount_change(value: str, expected: str) -> None:
    mounts = MOUNTS.removesuffix(":/")
    assert rooted(taken(mounts, SOME=value)) == taken(mounts, SOME=expected)


def test_a_second_time_changes_nothing() -> None:
    once = rooted(json.dumps(taken(AWS_WEB_IDENTITY_TOKEN_FILE=TOKEN, HOME="/root")))
    assert once["AWS_WEB_IDENTITY_TOKEN_FILE"] == ROOT + TOKEN
    assert rooted(once) == once


def test_a_root_with_a_slash_at_its_end_gets_no_second_one() -> None:
    assert rooted(taken(root="/Volumes/t/", SOME=TOKEN))["SOME"] == "/Volumes/t" + TOKEN


def test_what_telepresence_says_of_itself_stays() -> None:
    mounted = taken(TELEPRESENCE_CONTAINER="/etc/shop")
    assert rooted(mounted) == mounted


def test_without_mounts_nothing_is_below_one() -> None:
    assert rooted({"TELEPRESENCE_ROOT": ROOT, "SOME": TOKEN})["SOME"] == TOKEN


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"SOME": TOKEN}, "intercept with --mount=true"),
        ({"TELEPRESENCE_ROOT": "", "SOME": TOKEN}, "intercept with --mount=true"),
        ([], "is no environment"),
        ("[]", "is no environment"),
        ("{", "is no JSON"),
        ({"TELEPRESENCE_ROOT": ROOT, "SOME": 1}, "is no environment"),
    ],
)
def test_what_cannot_be_used_is_refused(environment: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        rooted(environment)


AWKWARD = {
    "PLAIN": "/a/b:c",
    "EMPTY": "",
    "SPACES": " a  b ",
    "QUOTE": "it's",
    "QUOTES": "\"a\" and 'b'",
    "DOLLAR": "$HOME $(id) `id`",
    "BACKSLASH": "a\\nb\\",
    "HASH": "a # b",
    "LINES": "one\ntwo\n",
    "LINES_AND_QUOTE": "it's\ntwo",
    "WIDE": "ü 雪",
}


EXPANDED = {"BRACES": "a ${HOME}", "DOLLAR_AND_QUOTE": "it's $HOME"}
"""What some readers of .env files expand, however it is quoted."""


def test_a_shell_reads_what_was_written(tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_text(written({**AWKWARD, **EXPANDED, "not.a-name": "x", "b\nad": "y"}, "shell"))
    command = f"set -eu; . {path}; env -0"
    done = subprocess.run(["sh", "-c", command], env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=True)
    read = dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if "=" in entry)
    assert {name: read.get(name) for name in [*AWKWARD, *EXPANDED]} == {**AWKWARD, **EXPANDED}
    assert "not.a-name" in path.read_text()


def test_readers_of_env_files_read_what_was_written(tmp_path: Any) -> None:
    path = tmp_path / ".env"
    path.write_text(written(AWKWARD, "dotenv"))
    assert dict(dotenv_values(path)) == AWKWARD


@pytest.mark.parametrize("name", EXPANDED)
def test_what_readers_of_env_files_take_differently_is_not_written_for_them(name: str) -> None:
    with pytest.raises(ValueError, match=f"The value of {name} holds a [$]") as refusal:
        written({name: EXPANDED[name]}, "dotenv")
    assert EXPANDED[name] not in str(refusal.value)


def test_json_is_json() -> None:
    assert json.loads(written(AWKWARD, "json")) == AWKWARD


def test_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="use one of dotenv, shell, json"):
        written({}, "yaml")
