# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Credential plugins of kubeconfigs: which one it is, and what it said when it failed."""

from __future__ import annotations

import logging
import os
import re
import typing as t
from dataclasses import dataclass

from . import secrets
from .foreign import LONGEST_REASON, clean

try:
    import kubernetes
    import yaml
except ImportError:  # connect() says so to the user
    pass


class Complaint(logging.Handler):
    """Keeps the last thing that went wrong with a credential plugin, which the client only logs, as it is (kubernetes 37.0.2, config/kube_config.py)."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.text = ""
        # It stays for the tokens to come: without a handler, the library would print what plugins say.
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage()

    def said(self) -> str:
        """What the plugin wrote, of a traceback only the last line, or the reason that it was not run."""
        text = re.sub(r"^exec: (process returned \d+\. )?", "", self.text).strip()
        return text.splitlines()[-1] if text.startswith("Traceback ") else text


@dataclass(frozen=True)
class Plugin:
    """The exec plugin of a kubeconfig's user: its command, and the variables that it runs with."""

    command: str
    variables: t.Mapping[str, str]

    def says(self, output: str) -> str:
        """Its output in one line, without what may be a secret."""
        return clean(secrets.left_out(output, self.variables), LONGEST_REASON).rstrip(".")


def exec_plugin(auth: t.Mapping[str, t.Any]) -> Plugin | None:
    """The exec plugin of the user that the kubeconfig names, or None."""
    config = (
        auth.get("kubeconfig")
        or os.environ.get("K8S_AUTH_KUBECONFIG")
        or kubernetes.config.KUBE_CONFIG_DEFAULT_LOCATION
    )
    try:
        if not isinstance(config, dict):
            with open(os.path.expanduser(str(config)), encoding="utf-8") as file:
                config = yaml.safe_load(file)
        wanted = auth.get("context") or config.get("current-context")
        user = next(item["context"]["user"] for item in config["contexts"] if item["name"] == wanted)
        settings = next(item["user"] for item in config["users"] if item["name"] == user)["exec"]
        own = {str(one["name"]): str(one["value"]) for one in settings.get("env") or ()}
        return Plugin(str(settings["command"]), {**os.environ, **own})
    except (OSError, StopIteration, KeyError, TypeError, AttributeError, yaml.YAMLError):
        return None
