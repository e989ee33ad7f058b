"""The objects of the fake cluster: what etcd, the registries and the garbage collector do, as far as the tests need it.

As on a real server: every write that changes something bumps ``metadata.resourceVersion`` (one that changes nothing
does not), spec changes bump ``generation``, preconditions on uid and resourceVersion fail with 409, a page of a list
comes from the snapshot of the first page, finalizers keep a deleted object with a ``deletionTimestamp``, dependants go
with their owner.

Not as on a real server: a pod is gone at once, as with ``terminationGracePeriodSeconds: 0``, and so are dependants;
nothing is validated or defaulted; ``managedFields`` change only where a Scale of 0 drops the owner of ``f:replicas``
(measured on Kubernetes 1.34.4); a strategic merge patch is applied as a merge patch and refused if it holds a list.
"""

from __future__ import annotations

import copy
import functools
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml

from . import apply as apply_
from . import selectors, status
from .kinds import KINDS, METADATA_FIELDS, Kind

Obj = dict[str, Any]
Controller = Callable[[Obj], None]


def timestamp(epoch: float) -> str:
    """Seconds since the epoch as ``2026-11-22T03:41:25Z``."""
    return datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@functools.cache
def read_yaml(path: Path) -> Obj:
    """A YAML or JSON file, parsed once per process; not to be changed by callers."""
    with path.open() as file:
        obj: Obj = yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return obj


def make_ready(workload: Obj) -> None:
    """A controller that finishes at once: every replica of *workload* (changed in place) is updated and available."""
    metadata, replicas = workload["metadata"], workload["spec"]["replicas"]
    counts = (
        dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
        if replicas
        else {}
    )
    conditions = {key: value for key, value in workload.get("status", {}).items() if key == "conditions"}
    workload["status"] = {**conditions, "observedGeneration": metadata.get("generation", 1), **counts}


def never_ready(workload: Obj) -> None:
    """A controller that notices the new count of *workload* (changed in place) and gets no pod ready."""
    replicas = workload["spec"]["replicas"]
    workload["status"] = {
        "observedGeneration": workload["metadata"].get("generation", 1),
        **({"replicas": replicas, "updatedReplicas": replicas, "unavailableReplicas": replicas} if replicas else {}),
    }


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386: *patch* applied to *target*, which may be changed."""
    if not isinstance(patch, dict):
        return patch
    result = target if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def _holds_list(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, Mapping) and any(map(_holds_list, value.values())))


def apply_patch(target: Obj, patch: Obj, content_type: str) -> Obj:
    """*target*, which may be changed, with *patch* applied; 415 for what this fake does not apply faithfully."""
    if content_type not in ("application/merge-patch+json", "application/strategic-merge-patch+json"):
        raise status.unsupported(f"the fake server does not apply {content_type}")
    if content_type.startswith("application/strategic") and _holds_list(patch):
        raise status.unsupported("the fake server does not merge lists; send application/merge-patch+json")
    result: Obj = merge(target, patch)
    return result


class Store:
    """The objects of one cluster. *clock* gives the server's time, seconds since the epoch. Safe to use from several
    threads.

    ``controller`` is called with a workload whose ``spec.replicas`` changed and sets its ``status``:
    :func:`make_ready`, :func:`never_ready` or a test's own.
    """

    def __init__(self, kinds: Iterable[Kind] = KINDS, clock: Callable[[], float] = time.time) -> None:
        self.kinds = tuple(kinds)
        self.controller: Controller = make_ready
        self._clock = clock
        self._lock = threading.RLock()
        self._objects: dict[Kind, dict[tuple[str, str], Obj]] = {kind: {} for kind in self.kinds}
        self._version = 1000
        self._pages: dict[str, tuple[str, list[Obj]]] = {}
        self._expired: set[str] = set()

    # What tests use ---------------------------------------------------------------------------------------------------

    def load(self, *objects: Obj) -> None:
        """Puts copies of *objects* (a ``List`` counts as its items) as they are, with uid, resourceVersion,
        creationTimestamp and the Namespace filled in where missing. An object of the same name is replaced.
        """
        with self._lock:
            for source in objects:
                if source["kind"] == "List":
                    self.load(*source["items"])
                    continue
                obj = copy.deepcopy(source)
                kind = self.kind(obj["kind"])
                metadata = obj["metadata"]
                if kind.namespaced:
                    namespace = metadata.setdefault("namespace", "default")
                    if ("", namespace) not in self._objects[self.kind("Namespace")]:
                        self.load({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
                metadata.setdefault("uid", str(uuid.uuid4()))
                metadata.setdefault("creationTimestamp", timestamp(self._clock()))
                self._version = max(self._version, int(metadata.get("resourceVersion", 0))) + 1
                metadata.setdefault("resourceVersion", str(self._version))
                self._objects[kind][self._key(metadata)] = obj

    def load_file(self, path: Path) -> None:
        """Loads a YAML or JSON file of one object or one ``List``."""
        self.load(read_yaml(path))

    def get(self, kind: str, name: str, namespace: str = "") -> Obj | None:
        """A copy of one object, or None. *kind* is the kind's name; *namespace* "" for cluster-scoped kinds."""
        with self._lock:
            return copy.deepcopy(self._objects[self.kind(kind)].get((namespace, name)))

    def all(self, kind: str) -> list[Obj]:
        """Copies of all objects of one kind, in the order of a list."""
        with self._lock:
            return copy.deepcopy([obj for _key, obj in sorted(self._objects[self.kind(kind)].items())])

    def edit(self, kind: str, name: str, namespace: str, change: Callable[[Obj], object]) -> None:
        """Somebody else's write: *change* alters the object in place; the version is bumped, the controller called as
        needed.
        """
        with self._lock:
            found = self.kind(kind)
            before = self._stored(found, namespace, name)
            after = copy.deepcopy(before)
            change(after)
            self._put(found, before, after)

    def remove(self, kind: str, name: str, namespace: str = "") -> None:
        """Somebody else's delete; finalizers and dependants are honoured."""
        with self._lock:
            self.delete(self.kind(kind), namespace, name, {})

    def kind(self, name: str) -> Kind:
        """The kind called *name*; KeyError if this store has none."""
        for kind in self.kinds:
            if kind.name == name:
                return kind
        raise KeyError(f"the fake server has no kind {name}")

    # What the server uses: copies in, copies out, ApiError for every refusal ------------------------------------------

    def list(self, kind: Kind, namespace: str, query: Mapping[str, str]) -> tuple[list[Obj], Obj]:
        """One page of a list: the items and the ``metadata`` of the list. *namespace* "" is all of them."""
        with self._lock:
            if token := query.get("continue"):
                if token not in self._pages:
                    raise status.expired() if token in self._expired else status.bad_request("invalid continue token")
                version, items = self._pages[token]
            else:
                version = str(self._version)
                by_label = selectors.labels(query.get("labelSelector", ""))
                by_field = selectors.fields(query.get("fieldSelector", ""), kind.fields | METADATA_FIELDS)
                items = [
                    obj
                    for _key, obj in sorted(self._objects[kind].items())
                    if namespace in ("", obj["metadata"].get("namespace"))
                ]
                # A page that is kept has to stay what it was, so it is copied now; all else is copied once, on its way out.
                items = copy.deepcopy([obj for obj in items if by_label(obj) and by_field(obj)])
            metadata: Obj = {"resourceVersion": version}
            limit = int(query.get("limit", 0))
            if limit and len(items) > limit:
                metadata["continue"] = uuid.uuid4().hex
                if not query.get("labelSelector") and not query.get("fieldSelector"):
                    metadata["remainingItemCount"] = len(items) - limit
                self._pages[metadata["continue"]] = (version, items[limit:])
                items = items[:limit]
            return items, metadata

    def expire_pages(self) -> None:
        """Compaction: every continue token handed out so far answers 410."""
        with self._lock:
            self._expired |= set(self._pages)
            self._pages.clear()

    def read(self, kind: Kind, namespace: str, name: str) -> Obj:
        """One object."""
        with self._lock:
            return copy.deepcopy(self._stored(kind, namespace, name))

    def create(self, kind: Kind, namespace: str, body: Obj, dry_run: bool = False) -> Obj:
        """A new object, in an existing namespace; uid, version and time are the server's."""
        with self._lock:
            obj = copy.deepcopy(body)
            metadata = obj.setdefault("metadata", {})
            if kind.namespaced:
                metadata["namespace"] = namespace
                self._stored(self.kind("Namespace"), "", namespace)
            if self._key(metadata) in self._objects[kind]:
                raise status.already_exists(kind, metadata["name"])
            metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": timestamp(self._clock()), "generation": 1}
            metadata.pop("resourceVersion", None)
            obj |= {"apiVersion": kind.api_version, "kind": kind.name}
            if not dry_run:
                self.load(obj)
                obj = self._stored(kind, namespace if kind.namespaced else "", metadata["name"])
            return copy.deepcopy(obj)

    def update(self, kind: Kind, namespace: str, name: str, body: Obj, dry_run: bool = False) -> Obj:
        """PUT: the object replaced, compare-and-set if the body names a version or uid. The status stays."""
        with self._lock:
            before = self._stored(kind, namespace, name)
            self._compare(kind, before, body.get("metadata") or {})
            after = {**copy.deepcopy(body), "apiVersion": before["apiVersion"], "kind": before["kind"]}
            kept = (
                "namespace",
                "uid",
                "creationTimestamp",
                "generation",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
            )
            after["metadata"] |= {key: before["metadata"][key] for key in kept if key in before["metadata"]}
            if "status" in before:
                after["status"] = copy.deepcopy(before["status"])
            return self._put(kind, before, after, dry_run)

    def patch(self, kind: Kind, namespace: str, name: str, patch: Obj, content_type: str, dry_run: bool = False) -> Obj:
        """PATCH: compare-and-set if the patch names a version; another uid is a 422, not a 409."""
        with self._lock:
            before = self._stored(kind, namespace, name)
            after = apply_patch(copy.deepcopy(before), patch, content_type)
            status.check_name(name, after["metadata"].get("name"))
            self._compare_version(kind, before, patch.get("metadata") or {})
            if after["metadata"]["uid"] != before["metadata"]["uid"]:
                raise status.invalid_uid(kind, name, after["metadata"]["uid"])
            return self._put(kind, before, after, dry_run)

    def apply(
        self, kind: Kind, namespace: str, name: str, body: Obj, manager: str, force: bool, dry_run: bool = False
    ) -> Obj:
        """Server-side apply (see :mod:`.apply`): compare-and-set if the body names a version of an object that exists."""
        with self._lock:
            now = timestamp(self._clock())
            if (namespace, name) not in self._objects[kind]:
                blank = {"metadata": {"name": name}}
                return self.create(kind, namespace, apply_.applied(kind, blank, body, manager, force, now), dry_run)
            before = self._stored(kind, namespace, name)
            self._compare(kind, before, body.get("metadata") or {})
            return self._put(kind, before, apply_.applied(kind, before, body, manager, force, now), dry_run)

    def scale(self, kind: Kind, namespace: str, name: str) -> Obj:
        """The ``Scale`` of a workload; ``spec`` is empty at 0 replicas, as the real one's (``omitempty``)."""
        with self._lock:
            return self._scale_of(kind, self._stored(kind, namespace, name))

    def update_scale(self, kind: Kind, namespace: str, name: str, body: Obj, dry_run: bool = False) -> Obj:
        """PUT of a Scale: compare-and-set if it names a version or uid (unless the kind ignores them); no replicas
        means 0.
        """
        with self._lock:
            before = self._stored(kind, namespace, name)
            if kind.scale_compares:
                self._compare(kind, before, body.get("metadata") or {})
            after = copy.deepcopy(before)
            after["spec"]["replicas"] = replicas = (body.get("spec") or {}).get("replicas", 0)
            if replicas == 0 and before["spec"].get("replicas", 1) != 0:
                _disown_replicas(after["metadata"])
            return self._scale_of(kind, self._put(kind, before, after, dry_run))

    def patch_scale(
        self, kind: Kind, namespace: str, name: str, patch: Obj, content_type: str, dry_run: bool = False
    ) -> Obj:
        """PATCH of a Scale, as a PUT of the patched Scale."""
        with self._lock:
            scale = self.scale(kind, namespace, name)
            # Unless the patch names a version, it applies to any.
            del scale["metadata"]["resourceVersion"]
            return self.update_scale(kind, namespace, name, apply_patch(scale, patch, content_type), dry_run)

    def delete(self, kind: Kind, namespace: str, name: str, options: Obj, dry_run: bool = False) -> Obj:
        """DELETE with ``DeleteOptions``: the answer's body. Background, Foreground and no policy all take the
        dependants at once.
        """
        with self._lock:
            obj = self._stored(kind, namespace, name)
            for key, word in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
                wanted = (options.get("preconditions") or {}).get(key)
                if wanted and wanted != obj["metadata"][key]:
                    raise status.precondition_failed(kind, name, word, wanted, obj["metadata"][key])
            if dry_run:
                marked = self._marked_deleted(obj)
            else:
                marked = self._delete(kind, obj, orphan=options.get("propagationPolicy") == "Orphan")
            if kind.returned or obj["metadata"].get("finalizers"):
                return marked
            details = {**status.details(kind, name), "uid": obj["metadata"]["uid"]}
            return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    # ------------------------------------------------------------------------------------------------------------------

    @staticmethod
    def _key(metadata: Obj) -> tuple[str, str]:
        return metadata.get("namespace", ""), metadata["name"]

    def _stored(self, kind: Kind, namespace: str, name: str) -> Obj:
        try:
            return self._objects[kind][(namespace, name)]
        except KeyError:
            raise status.not_found(kind, name) from None

    @staticmethod
    def _compare_version(kind: Kind, stored: Obj, metadata: Obj) -> None:
        """The compare of a compare-and-set, if the body's metadata names a version."""
        version = metadata.get("resourceVersion")
        if version and version != stored["metadata"]["resourceVersion"]:
            raise status.conflict(kind, stored["metadata"]["name"], status.MODIFIED)

    def _compare(self, kind: Kind, stored: Obj, metadata: Obj) -> None:
        """The same for a PUT, which must name the object and is compared by uid first."""
        status.check_name(stored["metadata"]["name"], metadata.get("name"))
        uid = metadata.get("uid")
        if uid and uid != stored["metadata"]["uid"]:
            raise status.other_uid(kind, stored["metadata"], uid)
        self._compare_version(kind, stored, metadata)

    def _put(self, kind: Kind, before: Obj, after: Obj, dry_run: bool = False) -> Obj:
        """Stores *after* in place of *before*: version, generation, status and the end of a deletion."""
        metadata = after["metadata"]
        metadata["resourceVersion"] = before["metadata"]["resourceVersion"]
        if after == before:
            return copy.deepcopy(before)
        if after.get("spec") != before.get("spec"):
            metadata["generation"] = before["metadata"].get("generation", 1) + 1
            if kind.scale and after["spec"].get("replicas") != before["spec"].get("replicas"):
                self.controller(after)
        if not dry_run:
            self._bump(after)
            if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
                self._purge(kind, after, orphan=False)
            else:
                self._objects[kind][self._key(metadata)] = after
        return copy.deepcopy(after)

    def _bump(self, obj: Obj) -> None:
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)

    def _marked_deleted(self, obj: Obj) -> Obj:
        """A copy of *obj* as its deletion marks it, if nothing marked it before."""
        marked = copy.deepcopy(obj)
        if "deletionTimestamp" not in obj["metadata"]:
            marked["metadata"] |= {
                "deletionTimestamp": timestamp(self._clock()),
                "deletionGracePeriodSeconds": 0,
                "generation": obj["metadata"].get("generation", 0) + 1,
            }
        return marked

    def _delete(self, kind: Kind, obj: Obj, orphan: bool) -> Obj:
        """Removes *obj*, or keeps it for its finalizers; returns a copy of it as it was marked."""
        marked = self._marked_deleted(obj)
        if not obj["metadata"].get("finalizers"):
            self._purge(kind, obj, orphan)
        elif marked != obj:
            self._bump(marked)
            self._objects[kind][self._key(obj["metadata"])] = copy.deepcopy(marked)
        return marked

    def _purge(self, kind: Kind, obj: Obj, orphan: bool) -> None:
        """Removes *obj*, then the objects it owns, unless they are to be orphaned."""
        self._version += 1
        del self._objects[kind][self._key(obj["metadata"])]
        if orphan:
            return
        uid = obj["metadata"]["uid"]
        for dependant_kind, objects in self._objects.items():
            for dependant in list(objects.values()):
                if any(owner["uid"] == uid for owner in dependant["metadata"].get("ownerReferences", ())):
                    self._delete(dependant_kind, dependant, orphan=False)

    def _scale_of(self, kind: Kind, workload: Obj) -> Obj:
        metadata = workload["metadata"]
        replicas = workload["spec"].get("replicas", 1)
        match = (workload["spec"].get("selector") or {}).get("matchLabels") or {}
        return {
            "kind": "Scale",
            "apiVersion": kind.scale,
            "metadata": {
                key: metadata[key]
                for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
                if key in metadata
            },
            "spec": {"replicas": replicas} if replicas else {},
            "status": {
                "replicas": (workload.get("status") or {}).get("replicas", 0),
                "selector": ",".join(f"{key}={value}" for key, value in sorted(match.items())),
            },
        }


def _disown_replicas(metadata: Obj) -> None:
    """A Scale of 0 leaves no manager owning ``f:spec.f:replicas``."""
    for entry in metadata.get("managedFields", ()):
        entry.get("fieldsV1", {}).get("f:spec", {}).pop("f:replicas", None)
