"""The clusters that the integration tests use: the lab's own two, or those that LAB_KUBECONFIG and LAB_CONTEXTS name."""

from __future__ import annotations

import os
import pathlib

from .addresses import NETWORKS
from .paths import KUBECONFIG
from .say import LabError


def own_clusters() -> bool:
    """Whether the user named clusters to use instead of the lab's."""
    return bool(os.environ.get("LAB_KUBECONFIG"))


def clusters() -> tuple[pathlib.Path, list[str]]:
    """The kubeconfig and the contexts in it, two of them. Raises LabError where the user named others."""
    if not own_clusters():
        return KUBECONFIG, [*NETWORKS]
    contexts = os.environ.get("LAB_CONTEXTS", "").split(",")
    if len(contexts) != 2 or not all(contexts):
        raise LabError(
            "LAB_KUBECONFIG needs LAB_CONTEXTS=A,B beside it: two contexts of that file, of disposable clusters."
        )
    return pathlib.Path(os.environ["LAB_KUBECONFIG"]).absolute(), contexts
