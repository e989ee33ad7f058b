# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The one error that everything which talks to a cluster raises."""

from __future__ import annotations

import json
import typing as t

from .foreign import LONGEST_REASON, clean


class ClusterError(Exception):
    """A question or an order that a cluster did not answer as hoped.

    ``str()`` of it is one sentence for people. ``status`` is the HTTP status, or None where there was no answer at all;
    ``reason`` is the ``reason`` of the Kubernetes Status object, or the name of the transport's exception;
    ``retry_after`` is the server's own wish in seconds, or None.
    """

    def __init__(self, message: str, *, status: int | None = None, reason: str = "", retry_after: float | None = None):
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after

    @property
    def may_have_happened(self) -> bool:
        """True where the server may have carried the order out although it did not say so."""
        return self.status is None or self.status >= 500

    @property
    def may_be_tried_anew(self) -> bool:
        """True where it is worth while to look once more and go on from there at once.

        That is not so where the server still wishes for a pause after all tries of the request.
        """
        return self.conflict or (self.may_have_happened and not self.retry_after)

    @property
    def conflict(self) -> bool:
        """True where a precondition no longer held."""
        return self.status == 409


def details(error: Exception) -> dict[str, t.Any] | None:
    """The key ``error`` of a failed module's result: HTTP status and reason, None where no cluster said anything."""
    return {"status": error.status, "reason": error.reason} if isinstance(error, ClusterError) else None


def status_of(body: str | bytes | None) -> tuple[str, str]:
    """(message, reason) of the Status object that an API server sends with an error, clean; empty strings where it is none.

    Which PodDisruptionBudget forbids an eviction is only in the causes (kubernetes, pkg/registry/core/pod/storage/eviction.go): those
    of it are part of the message.
    """
    try:
        status = json.loads(body or "{}")
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(status, dict) or status.get("kind") != "Status":
        return "", ""
    details = status.get("details")
    causes = (details.get("causes") if isinstance(details, dict) else None) or []
    budgets = [str(one.get("message")) for one in causes if one.get("reason") == "DisruptionBudget"]
    message = " ".join([str(status.get("message") or ""), *budgets])
    return clean(message, LONGEST_REASON), clean(status.get("reason") or "")


def refusal(
    doing: str, server: str, status: int, body: str | bytes | None, headers: t.Mapping[str, str], why: str = ""
) -> ClusterError:
    """The error for an HTTP answer other than success.

    ``doing`` says what was tried on which object ("list pods"), ``server`` the API server's URL, ``why`` is a sentence to add.
    """
    message, reason = status_of(body)
    # Some clients hand the names of headers on in lower case, in a mapping that knows no other.
    wish = next((str(value) for name, value in headers.items() if name.lower() == "retry-after"), "")
    detail = (message or f"HTTP {status} without an explanation").rstrip(".")
    return ClusterError(
        f"Failed to {doing} on {server}: {detail}.{_advice(status)}{why}",
        status=status,
        reason=reason,
        retry_after=float(wish) if wish.isdecimal() else None,
    )


def _advice(status: int) -> str:
    if status == 401:
        return " The cluster does not know these credentials: log in again, or renew the token."
    if status == 403:
        return " Grant this right to the account, or limit the run to namespaces where it has it."
    return ""
