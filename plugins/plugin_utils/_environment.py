# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The environment of an intercepted container, made fit for a process on the laptop.

Telepresence 2 hands the container's variables on as they are, and mounts its volumes below a directory of the laptop
(telepresence 2.20.2, pkg/client/cli/intercept/state.go); paths in the variables then point to where nothing is.
"""

from __future__ import annotations

import json
import posixpath
import re
import typing as t

ROOT = "TELEPRESENCE_ROOT"
"""The directory of the laptop below which the volumes are mounted."""
MOUNTS = "TELEPRESENCE_MOUNTS"
"""The mounted paths of the container, separated by colons (telepresence 2.20.2, cmd/traffic/cmd/agent/agent.go)."""

Environment = dict[str, str]

_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")


def rooted(environment: t.Mapping[str, str] | str) -> Environment:
    """The same variables, given as such or as JSON, with TELEPRESENCE_ROOT in front of each value that is a path at or below a mounted volume.

    A value that has it already stays, so that a second time changes nothing. Raises ValueError with one sentence where the
    environment is none, or was taken without mounts.
    """
    if isinstance(environment, str):
        try:
            environment = json.loads(environment)
        except ValueError:
            # Not from it: it quotes the text, which holds secrets.
            raise ValueError("What was given as an environment is no JSON.") from None
    if not isinstance(environment, dict) or not all(isinstance(value, str) for value in environment.values()):
        raise ValueError(
            "What was given is no environment as 'telepresence intercept --env-json FILE' writes it: a dictionary of texts."
        )
    root = environment.get(ROOT, "")
    if not root:
        raise ValueError(
            f"The environment has no {ROOT}, so no volume was mounted: intercept with --mount=true and take it again."
        )
    mounts = [posixpath.normpath(path) for path in environment.get(MOUNTS, "").split(":") if path.startswith("/")]
    return {
        name: f"{root.rstrip('/')}{value}"
        if not name.startswith("TELEPRESENCE_") and _mounted(value, root, mounts)
        else value
        for name, value in environment.items()
    }


def _mounted(value: str, root: str, mounts: t.Sequence[str]) -> bool:
    if not value.startswith("/") or _below(value, root):
        return False
    return any(_below(value, mount) for mount in mounts)


def _below(path: str, directory: str) -> bool:
    """Whether a path is a directory or lies below it, whatever dots it takes on the way."""
    return (posixpath.normpath(path) + "/").startswith(posixpath.normpath(directory).rstrip("/") + "/")


def written(environment: t.Mapping[str, str], form: str) -> str:
    """The text of a file with these variables, sorted by name; ``form``: ``dotenv``, ``shell`` or ``json``.

    ``shell`` is for ``sh`` to read with ``.``; a variable whose name it cannot take is left out and named in a comment.
    Raises ValueError for another form, and for a value that ``dotenv`` cannot tell all its readers.
    """
    writers = {"dotenv": _dotenv, "shell": _shell, "json": _json}
    if form not in writers:
        raise ValueError(f"There is no form {form} of an environment: use one of {', '.join(writers)}.")
    return writers[form](dict(sorted(environment.items())))


def _json(environment: Environment) -> str:
    return json.dumps(environment, indent=2, ensure_ascii=False) + "\n"


def _shell(environment: Environment) -> str:
    lines = []
    for name, value in environment.items():
        if _SHELL_NAME.fullmatch(name):
            quoted = value.replace("'", "'\\''")
            lines.append(f"export {name}='{quoted}'")
        else:
            lines.append(f"# {name!a} is no name that a shell can export")
    return "".join(f"{line}\n" for line in lines)


def _dotenv(environment: Environment) -> str:
    return "".join(f"{name}={_dotenv_value(name, value)}\n" for name, value in environment.items())


def _dotenv_value(name: str, value: str) -> str:
    """A value as the readers of such files agree on it: in single quotes nothing is special, and nothing can be escaped."""
    if _PLAIN.fullmatch(value):
        return value
    escaping = re.search(r"['\\]", value)
    # python-dotenv expands ${NAME} in any quotes, and knows no escape for it; Docker Compose expands $NAME in double quotes.
    if "${" in value or (escaping and "$" in value):
        raise ValueError(
            f"The value of {name} holds a $ that not all readers of .env files take alike: write shell or json instead."
        )
    if not escaping:
        return f"'{value}'"
    escaped = re.sub(r'(["\\])', r"\\\1", value).replace("\n", "\\n")
    return f'"{escaped}"'
