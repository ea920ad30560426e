"""The machine in a provenance: only where somebody asks for it."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

from mlpack.format.opening import inspect
from mlpack.trust.machine import machine_facts
from mlpack.trust.provenance import slsa_provenance


def test_without_a_driver_there_are_no_gpus(tmp_path: Path) -> None:
    facts = machine_facts(tmp_path)
    assert (facts["host"], "gpus" in facts) == (platform.node(), False)


def test_gpus_as_the_driver_lists_them(tmp_path: Path) -> None:
    for number in ("0", "1"):
        folder = tmp_path / "gpus" / f"0000:0{number}:00.0"
        folder.mkdir(parents=True)
        (folder / "information").write_text("Model: \t\t NVIDIA H200\nGPU UUID: \t GPU-1\n")
    (tmp_path / "version").write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module  570.1\nGCC version: 12\n"
    )
    facts = machine_facts(tmp_path)
    assert facts["gpus"] == ["NVIDIA H200", "NVIDIA H200"]
    assert facts["driver"].endswith("570.1")


def test_a_provenance_names_it_on_request_only(tmp_path: Path, make_bundle: Callable[..., Path]) -> None:
    bundle = inspect(make_bundle(tmp_path))
    said = slsa_provenance(bundle, environment={}, machine={"host": "builder-7"})
    assert said["buildDefinition"]["internalParameters"] == {"machine": {"host": "builder-7"}}
    assert slsa_provenance(bundle, environment={})["buildDefinition"]["internalParameters"] == {}
