# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.
"""The replicas that a Helm release declares for a workload. Nothing else of the Secret that holds the release leaves this file."""

from __future__ import annotations

import base64
import binascii
import json
import re
import typing as t
import zlib

from .._cluster.kinds import Object, dig, labels_of, ref, whole
from .counts import Evidence
from .managers import helm_release

try:
    import yaml
except ImportError:  # connect() says so to the user
    yaml = None  # type: ignore[assignment]

TYPE = "type=helm.sh/release.v1"
"""The type of the Secrets that hold releases (helm 3.22, pkg/storage/driver/secrets.go)."""
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,51}[a-z0-9])?")
"""The names of releases (helm 3.22, pkg/chart/v2/util/validate_name.go)."""
LARGEST = 32 * 1024 * 1024
"""Bytes of a release that are read. In its Secret of at most 1 MiB it is compressed."""
DOCUMENT = re.compile(r"^---.*$", re.MULTILINE)


def selector(release: str) -> str | None:
    """The label selector of the revision in use of a release, None where that cannot be the name of one."""
    return f"owner=helm,status=deployed,name={release}" if NAME.fullmatch(release) else None


def declared(original: Object, secrets: t.Iterable[Object]) -> list[Evidence]:
    """What the newest of these revisions says of the replicas of a workload; nothing where it does not, or cannot be read."""
    release = helm_release(original)
    mine = [one for one in secrets if release == (one["metadata"].get("namespace"), labels_of(one).get("name"))]
    if release is None or not mine:
        return []
    newest = max(mine, key=_revision)
    count = _replicas(_manifest(newest), original, release[0])
    if count is None:
        return []
    return [Evidence("helm_release", "declared", count, newest["metadata"].get("creationTimestamp"), ref(newest))]


def _revision(secret: Object) -> int:
    version = labels_of(secret).get("version", "")
    return int(version) if version.isdecimal() and len(version) < 10 else 0


def _manifest(secret: Object) -> str:
    """The manifest of a release: JSON, compressed, in base64 twice (helm 3.22, pkg/storage/driver/util.go); empty where it is none."""
    try:
        packed = base64.b64decode(base64.b64decode(dig(secret, "data", "release") or "", validate=True), validate=True)
        unpacking = zlib.decompressobj(wbits=31)
        release = json.loads(unpacking.decompress(packed, LARGEST)) if packed else {}
    except (binascii.Error, zlib.error, TypeError, ValueError, RecursionError):
        return ""
    manifest = dig(release, "manifest")
    return manifest if isinstance(manifest, str) else ""


def _replicas(manifest: str, original: Object, namespace: str) -> int | None:
    """The replicas that the one document of a manifest has which is the workload."""
    meta = original["metadata"]
    wanted = (original["apiVersion"], original["kind"], meta["namespace"], meta["name"])
    found = []
    for text in DOCUMENT.split(manifest):
        # Most documents are others: reading them all takes seconds.
        read = _document(text) if meta["name"] in text else None
        place = dig(read, "metadata", "namespace") or namespace
        if (dig(read, "apiVersion"), dig(read, "kind"), place, dig(read, "metadata", "name")) == wanted:
            found.append(whole(dig(read, "spec", "replicas")))
    return found[0] if len(found) == 1 else None


def _document(text: str) -> t.Any:
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
