"""The docker-archive form of an image: what ``docker save`` writes and ``ctr images import`` reads."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

from .layer import Layer


@dataclasses.dataclass(frozen=True)
class Image:
    """An image of one layer.

    ``tags`` are its names (several names share one image), ``settings`` the ``config`` section of the image
    configuration (https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md): user, command, environment.
    """

    tags: list[str]
    layer: Layer
    settings: dict[str, Any]


def to_archive(image: Image, architecture: str) -> bytes:
    """Return the docker-archive tar of ``image`` for ``architecture`` (such as ``amd64``)."""
    layer = image.layer.to_tar()
    config = _json(
        {
            "architecture": architecture,
            "os": "linux",
            "config": image.settings,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        }
    )
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    archive = Layer()
    archive.file("manifest.json", _json([{"Config": config_name, "RepoTags": image.tags, "Layers": ["layer.tar"]}]))
    archive.file(config_name, config)
    archive.file("layer.tar", layer)
    return archive.to_tar()


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
