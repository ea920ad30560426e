"""A real registry on this machine, and images in it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlpack.oci.descriptors import IMAGE_INDEX, IMAGE_MANIFEST, Descriptor, manifest_bytes
from mlpack.oci.documents import json_bytes
from mlpack.oci.references import RegistryReference, parse_reference
from mlpack.oci.registry import Registry

__all__ = ["digests", "push_image", "serve"]

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"


def serve(folder: Path, settings: Mapping[str, Any]) -> tuple[str, subprocess.Popen[bytes]]:
    """Start Debian's docker-registry on a free port."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    storage = {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}}
    http = {"addr": host, **settings.get("http", {})}
    config = {"version": "0.1", "log": {"level": "error"}, "storage": storage, **settings, "http": http}
    (folder / "config.yml").write_text(json.dumps(config))
    process = subprocess.Popen(
        [program, "serve", folder / "config.yml"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", int(host.rpartition(":")[2]))) == 0:
                return host, process
        time.sleep(0.05)
    process.kill()
    raise AssertionError("docker-registry did not start")


def push_image(host: str, name: str) -> str:
    """Push an index with two platforms and return the reference of its tag."""
    reference = f"{host}/team/{name}:1.0"
    with Registry(RegistryReference(host=host, repository=f"team/{name}", tag="1.0"), write=True) as store:
        entries = []
        for architecture in ("amd64", "arm64"):
            rootfs = {"type": "layers", "diff_ids": []}
            config = json_bytes({"architecture": architecture, "os": "linux", "rootfs": rootfs, "name": name})
            descriptor = Descriptor.of(config, CONFIG_TYPE)
            store.put_blob(config, descriptor)
            data = manifest_bytes(config=descriptor, layers=())
            store.put_manifest(data, IMAGE_MANIFEST)
            platform = {"os": "linux", "architecture": architecture}
            entries.append({**Descriptor.of(data, IMAGE_MANIFEST).document(), "platform": platform})
        index = {"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": entries}
        store.put_manifest(json_bytes(index), IMAGE_INDEX, "1.0")
    return reference


def digests(reference: str) -> list[str]:
    """Return the reference by digest of an index, then of each platform."""
    place = parse_reference(reference)
    assert isinstance(place, RegistryReference)
    with Registry(place) as store:
        stored = store.manifest("1.0")
    children = [entry["digest"] for entry in json.loads(stored.data)["manifests"]]
    return [f"{place.name}@{digest}" for digest in (stored.descriptor.digest, *children)]
