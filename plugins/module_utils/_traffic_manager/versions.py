# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Versions of Telepresence 2, and the four bands between which it works in different ways."""

from __future__ import annotations

import re
import typing as t

_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-+].*)?$")

EDITED, CONFIG_MAP, ANNOTATION, NODE_AGENT = "2.4-2.5", "2.6-2.21", "2.22-2.29", "2.30"
"""The bands. Up to 2.5 the client edits workloads; from 2.6 a webhook injects pods, by a ConfigMap until 2.21 and by an
annotation of the pod from 2.22 (CHANGELOG.yml of telepresence); from 2.30 there are node agents as well."""


def parse(text: t.Any) -> tuple[int, int] | None:
    """Major and minor of ``2.20.2`` or ``v2.20.2-rc.1``; None where it is no version."""
    match = _VERSION.match(text) if isinstance(text, str) else None
    return (int(match.group(1)), int(match.group(2))) if match else None


def band(version: t.Any) -> str | None:
    """The band of a version, None where it is not known or none of Telepresence 2."""
    numbers = parse(version)
    if numbers is None or numbers[0] != 2:
        return None
    for least, name in ((30, NODE_AGENT), (22, ANNOTATION), (6, CONFIG_MAP)):
        if numbers[1] >= least:
            return name
    return EDITED


def of_image(image: t.Any) -> str | None:
    """The tag of an image, which is its version wherever it was copied to."""
    tag = str(image or "").partition("@")[0].rpartition("/")[2].partition(":")[2]
    return tag or None
