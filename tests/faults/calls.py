"""The calls of a recovery by names that say what each is for, the same in every run."""

from __future__ import annotations

from wire.request import Request

METADATA = "PartialObjectMetadataList"


def name_of(request: Request, wrote: bool) -> str:
    """The name of a call; *wrote*: whether the run has written before.

    Questions to pods and writes are told apart by the workload they are about, for much depends on whose fault it is;
    workloads of the scenario have names without a dash.
    """
    access = request.access
    if not access.resource:
        return f"{access.verb} {request.path}"
    resource = access.resource + (f"/{access.subresource}" if access.subresource else "")
    if access.verb == "list":
        return f"list {resource}" + _purpose(request, wrote)
    if not access.name:
        return f"{access.verb} {resource}"
    about = access.name.removeprefix("http:").partition(":")[0]
    if access.namespace:
        about = about.partition("-")[0]
    return f"{request.method if access.subresource == 'proxy' else access.verb} {resource} {about}"


def _purpose(request: Request, wrote: bool) -> str:
    """What a list is for: kinds that are listed for one purpose only need no word for it."""
    if request.access.resource == "namespaces":
        return ""
    if request.param("fieldSelector").startswith("metadata.name="):
        return " again"
    if METADATA in request.headers.get("accept", ""):
        return " newcomers"
    if request.param("labelSelector"):
        return " sessions"
    if request.access.resource == "deployments":
        return " wait" if wrote else " originals"
    return ""
