"""Putting the parts of a bundle together, with the documents that describe them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from mlpack.errors import UsageError
from mlpack.format.artifact import Artifact
from mlpack.format.atomic import refuse_existing
from mlpack.format.bom.schemas import SPEC_VERSIONS, SpecVersion
from mlpack.format.bom.spdx import spdx_expression
from mlpack.format.contract import Contract
from mlpack.format.evidence import Golden, Parity
from mlpack.format.lock import Lock
from mlpack.format.manifest import ENGINES, Manifest, ModelInfo, Role
from mlpack.format.names import check_name, check_version
from mlpack.format.secrets.gate import ALLOWED, gate_files
from mlpack.format.writer import Assembled, BundleLayout, assemble
from mlpack.packing.adapters import Description
from mlpack.packing.bom.build import BomDataset, BomSubject, build_bom
from mlpack.packing.card import CardFacts, CardParity, ModelCard, render_card
from mlpack.packing.lineage.fingerprint import ALGORITHM, Fingerprint
from mlpack.packing.lineage.training import training_facts

__all__ = ["CERTIFICATES", "THREADS", "Certificate", "Made", "Request", "assemble_parts", "check_choice"]

Certificate = Literal["exact", "tight", "loose"]
CERTIFICATES: tuple[Certificate, ...] = get_args(Certificate)
"""Strongest first."""

THREADS = 1
"""Threads of a session: one keeps the order of additions, and with it the last bit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """The caller's arguments about the bundle as a whole; see `mlpack.pack`."""

    name: str
    version: str
    output: Path
    layout: BundleLayout
    overwrite: bool
    certificate: Certificate
    golden: Literal["synthetic", "sample"]
    license: str | None
    metrics: Mapping[str, float]
    datasets: Mapping[str, object]
    parameters: Mapping[str, object]
    card: ModelCard
    unsafe_allow: tuple[str, ...] = ()
    lineage: bool | Path = True
    bom_version: SpecVersion = SPEC_VERSIONS[0]
    fingerprints: Mapping[str, Fingerprint] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse what could never become a bundle, before minutes of work.

        Raises:
            UsageError: An argument is wrong.
            TargetExistsError: The bundle is already there.
        """
        check_name(self.name)
        check_version(self.version)
        check_choice("certificate", self.certificate, CERTIFICATES)
        check_choice("golden", self.golden, ("synthetic", "sample"))
        check_choice("bom_version", self.bom_version, SPEC_VERSIONS)
        check_choice("layout", self.layout, get_args(BundleLayout))
        check_named("metrics", self.metrics)
        check_named("datasets", self.datasets)
        check_named("parameters", self.parameters)
        for name, value in self.metrics.items():
            if type(value) is bool or not issubclass(type(value), (int, float)):
                raise UsageError(
                    f"expected a number, found {type(value).__name__}", where=f"metrics[{name!r}]"
                )
            if not math.isfinite(value):
                raise UsageError(f"expected a finite number, found {value}", where=f"metrics[{name!r}]")
        if self.license is not None and not isinstance(self.license, str):
            raise UsageError(f"expected a string, found {type(self.license).__name__}", where="license")
        if self.license is not None and spdx_expression(self.license) is None:
            raise UsageError(
                "expected an SPDX expression such as Apache-2.0 or MIT",
                where="license",
                hint="a licence that SPDX does not list is written LicenseRef-NAME",
            )
        if not isinstance(self.card, ModelCard):
            raise UsageError(f"expected a ModelCard, found {type(self.card).__name__}", where="card")
        if not self.overwrite:
            refuse_existing(self.target)  # and once more when it is written

    @property
    def target(self) -> Path:
        """Where the bundle goes."""
        suffix = ".mlpack" if self.layout == "archive" else ""
        return self.output / f"{self.name}-{self.version}{suffix}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """What packing made of the model before anything is written."""

    description: Description
    contract: Contract
    artifact: Artifact
    parity: Parity
    golden: Golden
    lock: bytes
    platforms: tuple[str, ...]
    environment: bytes
    training_lock: bytes | None = None


def check_choice(where: str, value: object, allowed: tuple[str, ...]) -> None:
    """Raise UsageError unless `value` is one of `allowed`."""
    if value not in allowed:
        raise UsageError(f"expected one of {', '.join(allowed)}; found {value!r}", where=where)


def check_named(where: str, value: object) -> None:
    """Raise UsageError unless `value` maps names to something."""
    if not isinstance(value, Mapping):
        raise UsageError(f"expected a dict, found {type(value).__name__}", where=where)
    for name in value:
        if not isinstance(name, str):
            raise UsageError(f"expected names that are strings, found {type(name).__name__}", where=where)


def assemble_parts(request: Request, made: Made) -> Assembled:
    """Describe what was made and put all parts together.

    Raises:
        PackError: The bill of materials would not be valid.
        SecretError: A file holds what looks like a secret.
    """
    lock = Lock.from_bytes(made.lock)
    parts: dict[str, tuple[Role, bytes]] = {
        **{path: (Artifact.role(path), data) for path, data in made.artifact.files.items()},
        "contract.json": ("contract", made.contract.to_bytes()),
        "README.md": ("card", render_card(request.card, _card_facts(request, made, lock))),
        "environment/pylock.toml": ("lock", made.lock),
        **_training_lock(made),
        "environment/training.json": ("environment", made.environment),
        "evidence/golden.json": ("golden", made.golden.to_bytes()),
        "evidence/parity.json": ("parity", made.parity.to_bytes()),
        "sbom/bom.cdx.json": ("bom", build_bom(_bom_subject(request, made), lock, request.bom_version)),
    }
    stored = {path: (Artifact.role(path), item) for path, item in made.artifact.stored.items()}
    assembled = assemble(_draft(request, made), parts, stored)
    gate_files(assembled.contents, request.unsafe_allow)
    return assembled


def _training_lock(made: Made) -> dict[str, tuple[Role, bytes]]:
    if made.training_lock is None:
        return {}
    return {"environment/pylock.training.toml": ("environment", made.training_lock)}


def _draft(request: Request, made: Made) -> Manifest:
    return Manifest(
        name=request.name,
        version=request.version,
        model=ModelInfo(
            path=made.artifact.path,
            format=made.artifact.format,
            original=made.description.original,
            framework=made.description.framework,
            task=made.description.task,
            methods=made.contract.methods,
            certificate=made.parity.certificate,
            threads=THREADS,
        ),
        files={},
        requires=made.artifact.requires,
        runtime=made.artifact.runtime,
        golden=request.golden,
        license=request.license,
        annotations={ALLOWED: " ".join(request.unsafe_allow)} if request.unsafe_allow else {},
    )


def _form(artifact: Artifact) -> str:
    """Return what a person should know of a form that is no graph."""
    if artifact.format == "onnx":
        return ""
    engine = next(name for name in ENGINES[artifact.format] if name in artifact.requires)
    what = {
        "python": "Python source, which runs when it is loaded",
        "pickle": "a pickle, which does whatever it says when it is loaded",
    }.get(engine, f"data for its own library, read by {engine}; no code")
    return f"{artifact.format}: {what}"


def _bom_subject(request: Request, made: Made) -> BomSubject:
    framework, framework_version = made.description.framework
    return BomSubject(
        name=request.name,
        version=request.version,
        description=request.card.description,
        license=request.license or "",
        task=made.description.task,
        architecture=made.description.architecture,
        inputs=tuple(f"{item.name}: {item.dtype}" for item in made.contract.inputs),
        outputs=tuple(f"{item.method}: {item.dtype}" for item in made.contract.outputs),
        model_path=made.artifact.path,
        model_sha256=hashlib.sha256(made.artifact.entry).hexdigest(),
        model_size=len(made.artifact.entry),
        more_files=_more_files(made.artifact),
        form=_form(made.artifact),
        framework=framework,
        framework_version=framework_version,
        datasets=tuple(
            BomDataset(
                name=name,
                sha256=found.sha256,
                unordered=found.any_order,
                algorithm=ALGORITHM,
                rows=found.rows,
                columns=found.columns,
            )
            for name, found in sorted(request.fingerprints.items())
        ),
        metrics={name: float(value) for name, value in request.metrics.items()},
        parameters=request.parameters,
        training=training_facts(request.lineage, framework, made.environment),
        route=made.parity.rung,
        overrides=request.unsafe_allow,
    )


def _more_files(artifact: Artifact) -> tuple[tuple[str, str, int], ...]:
    """Return path, digest and size of every file of the model but the first."""
    found = [
        (path, hashlib.sha256(data).hexdigest(), len(data))
        for path, data in artifact.files.items()
        if path != artifact.path
    ]
    found += [(path, item.sha256, item.size) for path, item in artifact.stored.items()]
    return tuple(sorted(found))


def _card_facts(request: Request, made: Made, lock: Lock) -> CardFacts:
    inputs, outputs = CardFacts.lines_of(made.contract)
    synthetic = request.golden == "synthetic"
    return CardFacts(
        name=request.name,
        version=request.version,
        task=made.description.task,
        model_class=made.description.original,
        methods=made.contract.methods,
        inputs=inputs,
        outputs=outputs,
        parity=tuple(
            CardParity(method=item.method, certificate=item.certificate, worst_error=item.worst)
            for item in made.parity.methods
        ),
        metrics=request.metrics,
        datasets=tuple(sorted(request.datasets)),
        golden_rows=made.golden.rows,
        golden_note="drawn from the contract" if synthetic else "real rows of the example",
        requires_python=lock.requires_python,
        packages=tuple(f"{package.name}=={package.version}" for package in lock.packages),
        platforms=made.platforms,
        trained_with=" ".join(made.description.framework),
        form=_form(made.artifact),
        license=request.license or "",
    )
