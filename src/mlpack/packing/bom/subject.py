"""What the BOM is about: plain facts on the model, its data and its results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["BomDataset", "BomSubject"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BomDataset:
    """A data set that the model was made or measured with.

    Attributes:
        name: What the author calls it; unique within one BOM.
        sha256: Fingerprint of its contents (hex), or None.
        unordered: Fingerprint that does not depend on the order of rows (hex), or empty.
        algorithm: How both were taken.
        rows: Number of rows, or None.
        columns: Number of columns, or None.
        description: Anything else worth saying.
    """

    name: str
    sha256: str | None = None
    unordered: str = ""
    algorithm: str = ""
    rows: int | None = None
    columns: int | None = None
    description: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class BomSubject:
    """The model that a bundle holds.

    Attributes:
        name: Name of the bundle.
        version: Version of the bundle.
        description: What it is for.
        license: SPDX expression, or any other words for the terms; may be empty.
        task: "classification", "regression", "clustering", "transformation" or another word.
        architecture: Class names of the original, in the order in which data flow through them.
        inputs: Formats of the inputs, in order.
        outputs: Formats of the outputs, in order.
        model_path: Path of the model file inside the bundle.
        model_sha256: SHA-256 of that file (hex).
        model_size: Its size in bytes.
        more_files: Path, SHA-256 (hex) and size of every further file of the model or its code.
        form: What runs, in words, where that is no graph.
        framework: Distribution that trained the model.
        framework_version: Its version.
        datasets: Data that it was made or measured with.
        metrics: Name of a metric to its value.
        parameters: Name of a hyper-parameter to its value.
        training: Facts on how it was trained, name to words: source, notebook, seeds, flags.
        route: How the packed form was made.
        overrides: What the secrets gate let through.
    """

    name: str
    version: str
    description: str = ""
    license: str = ""
    task: str
    architecture: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    model_path: str
    model_sha256: str
    model_size: int
    framework: str
    framework_version: str
    datasets: tuple[BomDataset, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, object] = field(default_factory=dict)
    more_files: tuple[tuple[str, str, int], ...] = ()
    form: str = ""
    training: Mapping[str, str] = field(default_factory=dict)
    route: str = ""
    overrides: tuple[str, ...] = ()

    @property
    def ref(self) -> str:
        """bom-ref of the model."""
        return f"model:{self.name}@{self.version}"

    @property
    def files(self) -> tuple[tuple[str, str, int], ...]:
        """Path, SHA-256 and size of every file of the model or its code, the one to load first leading."""
        return ((self.model_path, self.model_sha256, self.model_size), *self.more_files)
