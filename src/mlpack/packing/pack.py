"""pack: a fitted model in, a bundle out. Adapter, export, evidence, environment and BOM are asked in turn."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlpack.errors import ExampleError, ExportError, ModelError, UsageError
from mlpack.format.contract import Contract, Method, Output
from mlpack.format.opening import UnverifiedBundle, inspect
from mlpack.format.writer import BundleLayout, write_bundle
from mlpack.packing.adapters import Description, find_adapter
from mlpack.packing.assembly import CERTIFICATES, THREADS, Certificate, Made, Request, assemble_parts
from mlpack.packing.card import ModelCard
from mlpack.packing.environment.capture import capture_environment
from mlpack.packing.environment.locking import lock_runtime
from mlpack.packing.environment.wording import plain_reason
from mlpack.packing.evidence.golden import make_golden
from mlpack.packing.evidence.native import NativeModel
from mlpack.packing.evidence.parity import Asked, Measurement, ask_original, measure
from mlpack.packing.evidence.probes import probes
from mlpack.packing.evidence.rules import learn_rules
from mlpack.packing.example import read_example
from mlpack.packing.export.ladder import Refusal, candidates
from mlpack.packing.metrics import example_metrics
from mlpack.packing.profile import infer_contract

if TYPE_CHECKING:
    import numpy as np

    from mlpack.format.evidence import Parity

__all__ = ["PackWarning", "pack"]

ROUTES: Mapping[Certificate, tuple[str, ...]] = {
    "exact": ("emitters-float64", "skl2onnx-float64"),
    "tight": ("emitters-float64", "skl2onnx-float64"),
    "loose": ("emitters-float64", "skl2onnx-float64", "skl2onnx-float32"),
}
"""Routes worth trying for each certificate: single precision never reaches the stronger two."""

RUNTIME_ROOTS = ("numpy", "onnxruntime")
"""What serving an ONNX bundle needs; the lock holds these and what they depend on."""


_LOGARITHM: Method = "predict_log_proba"


class _LogarithmError(ExportError):
    """Nothing but predict_log_proba keeps the model from being exported."""


class PackWarning(UserWarning):
    """Something about a bundle that its author should know before anyone relies on it."""


def pack(
    model: object,
    *,
    name: str,
    version: str,
    example: object,
    targets: object = None,
    output: str | os.PathLike[str] = "dist",
    methods: Sequence[str] | None = None,
    certificate: Certificate = "tight",
    platforms: Sequence[str] = ("linux/amd64", "linux/arm64"),
    accelerators: Sequence[str] = ("cpu",),
    golden: Literal["synthetic", "sample"] = "synthetic",
    datasets: Mapping[str, object] | None = None,
    metrics: Mapping[str, float] | None = None,
    parameters: Mapping[str, object] | None = None,
    license: str | None = None,  # noqa: A002  (the field's own word)
    card: ModelCard | None = None,
    offline: bool = False,
    layout: BundleLayout = "archive",
    overwrite: bool = False,
) -> UnverifiedBundle:
    """Make a bundle of a fitted model: its graph, contract, lock, BOM and the proof that it answers the same.

    Contacts the package index that uv is configured for, to lock what serving needs, unless `offline`.

    Args:
        model: A fitted scikit-learn estimator or pipeline.
        name: Name of the bundle: lower-case letters and digits, joined by single `.`, `_` or `-`.
        version: SemVer or PEP 440.
        example: Rows as the model was fitted on, ideally the training data: a pandas or polars DataFrame, or
            an array of shape (n, k). Only statistics of it are kept, unless `golden="sample"`.
        targets: True values for the rows of the example, shape (n,) or (n, k): card and BOM then show how
            well the model does on them. They are not stored.
        output: Folder to put the bundle in; created when missing.
        methods: Methods to offer; None takes all that the model has and a bundle can hold.
        certificate: Weakest parity accepted: `exact` (bit for bit), `tight` (1e-9 of the spread),
            or `loose` (1e-5).
        platforms: What to lock for, as `os/architecture`.
        accelerators: What to lock for.
        golden: `synthetic` draws the golden rows from the contract; `sample` stores rows of the example.
        datasets: Name -> data, fingerprinted into the BOM; the data itself is not kept.
        metrics: Name -> value, for the card and the BOM.
        parameters: Facts about the training run, for the BOM.
        license: SPDX expression of the model's licence.
        card: What only a person can say about the model.
        offline: Lock from uv's cache alone.
        layout: `archive` writes NAME-VERSION.mlpack, `directory` a folder of that name.
        overwrite: Replace an existing bundle.

    Returns:
        The bundle, as it was written.

    Raises:
        UsageError: An argument is wrong.
        ModelError: The model is not fitted or not of a known kind.
        ExampleError: The example is empty, of a wrong type, or the model rejects it.
        ExportError: No route gives a graph that agrees within the certificate.
        LockError: What serving needs cannot be locked.
        TargetExistsError: The bundle is already there.
        StorageError: It cannot be written.
    """
    if not isinstance(output, (str, os.PathLike)):
        raise UsageError(f"expected a path, found {type(output).__name__}", where="output")
    if isinstance(platforms, str) or not hasattr(platforms, "__iter__"):
        raise UsageError('expected a list of platforms, such as ("linux/amd64",)', where="platforms")
    request = Request(
        name=name,
        version=version,
        output=Path(output),
        layout=layout,
        overwrite=overwrite,
        certificate=certificate,
        golden=golden,
        license=license,
        metrics={} if metrics is None else metrics,
        datasets={} if datasets is None else datasets,
        parameters={} if parameters is None else parameters,
        card=card or ModelCard(),
    )
    request.check()
    native, description = _read(model, example, methods)
    if targets is not None:
        measured = example_metrics(native, description.task, targets)
        request = replace(request, metrics={**measured, **request.metrics})
    try:
        contract, graph, parity = _export(native, description, request.certificate)
    except _LogarithmError as error:
        if methods is not None:
            raise
        # The logarithm of a probability near 0 magnifies its last bit; nobody asked for it by name.
        warnings.warn(
            "predict_log_proba is left out of the bundle, because it alone disagrees: "
            + "; ".join(error.problems),
            PackWarning,
            stacklevel=2,
        )
        native = replace(native, methods=[method for method in native.methods if method != _LOGARITHM])
        contract, graph, parity = _export(native, description, request.certificate)
    made = Made(
        description=description,
        contract=contract,
        graph=graph,
        parity=parity,
        golden=make_golden(native, contract, request.golden),
        lock=lock_runtime(RUNTIME_ROOTS, platforms=platforms, accelerators=accelerators, offline=offline),
        platforms=tuple(sorted(platforms)),
        environment=capture_environment(model),
    )
    write_bundle(assemble_parts(request, made), request.target, layout=layout, overwrite=overwrite)
    return inspect(request.target)


def _read(model: object, example: object, methods: Sequence[str] | None) -> tuple[NativeModel, Description]:
    adapter = find_adapter(model)
    description = adapter.describe(model)
    rows = read_example(example, description.columns)
    if (
        description.width is not None
        and description.columns is None
        and len(rows.columns) != description.width
    ):
        raise ExampleError(
            f"the model was fitted on {description.width} columns, found {len(rows.columns)}", where="example"
        )
    chosen = _choose_methods(description, methods)
    return NativeModel(adapter=adapter, model=model, example=rows, methods=chosen), description


def _choose_methods(description: Description, methods: Sequence[str] | None) -> tuple[Method, ...]:
    if methods is None:
        return description.methods
    if isinstance(methods, str) or not (hasattr(methods, "__iter__") and methods):
        raise UsageError('expected a list of method names, such as ("predict",)', where="methods")
    methods = tuple(methods)
    for method in methods:
        if method not in description.methods:
            raise ModelError(
                f"{description.original} does not offer {method!r}",
                where="methods",
                hint=f"it offers {', '.join(description.methods)}",
            )
    return tuple(method for method in description.methods if method in methods)


def _learn(
    native: NativeModel, description: Description
) -> tuple[Contract, list[Asked], dict[Method, float]]:
    """Ask the original everything that the contract and the evidence rest on."""
    everything = {column.name: column.values for column in native.example.columns}
    answers = native.answer(everything)
    if isinstance(answers, Exception):
        raise ExampleError(
            f"the model rejects it: {type(answers).__name__}: {plain_reason(str(answers))}",
            where="example",
            hint="pass rows in the very form that the model was fitted on",
        ) from answers
    rules = learn_rules(native)
    contract = infer_contract(native.example, rules, description, answers)
    spreads = {output.method: _spread(output, answers[output.method]) for output in contract.outputs}
    return contract, ask_original(native, probes(native.example, rules)), spreads


def _spread(output: Output, answer: np.ndarray) -> float:
    """Return what differences are measured against: the standard deviation of the original's answers."""
    import numpy as np

    if output.method == "predict_proba" or (output.method == "predict" and output.classes is not None):
        return 1.0
    finite = answer[np.isfinite(answer)].astype(np.float64)
    largest = float(np.abs(finite).max(initial=0.0))
    if largest == 0.0:
        return 1.0
    # Scaled first: squares of answers above 1e154 overflow, and no difference is large beside infinity.
    return float((finite / largest).std() * largest) or 1.0


def _export(
    native: NativeModel, description: Description, wanted: Certificate
) -> tuple[Contract, bytes, Parity]:
    """Return the contract and the first graph of the ladder that agrees within the certificate asked for."""
    contract, asked, spreads = _learn(native, description)
    rejected: list[tuple[str, str]] = []
    disagreeing: set[str] = set()
    acceptable = CERTIFICATES[: CERTIFICATES.index(wanted) + 1]
    for candidate in candidates(native.model, contract, rungs=ROUTES[wanted]):
        if isinstance(candidate, Refusal):
            rejected.append((candidate.rung, candidate.reason))
            continue
        measured = measure(contract, candidate.model, asked, spreads, threads=THREADS)
        if isinstance(measured, str):
            rejected.append((candidate.rung, measured))
            disagreeing.add("*")
        elif measured.certificate not in acceptable:
            rejected.append((candidate.rung, _shortfall(measured, wanted)))
            disagreeing |= measured.weaker_than(wanted)
        else:
            _warn_unrefused(measured)
            return contract, candidate.model, measured.parity(candidate.rung, THREADS, rejected)
    kind = _LogarithmError if disagreeing == {_LOGARITHM} else ExportError
    raise kind(
        f"no route to ONNX agrees with the original within {wanted!r}",
        where="model",
        problems=tuple(f"{rung}: {reason}" for rung, reason in rejected),
        hint=""
        if wanted == "loose" or not disagreeing
        else 'certificate="loose" accepts differences up to 1e-5 of the spread',
    )


def _warn_unrefused(measured: Measurement) -> None:
    if measured.unrefused:
        warnings.warn(
            f"the packed model answers rows that the original refuses: {', '.join(measured.unrefused)}",
            PackWarning,
            stacklevel=4,
        )


def _shortfall(measured: Measurement, wanted: Certificate) -> str:
    if measured.complaints:
        more = f" (and {len(measured.complaints) - 3} more)" if len(measured.complaints) > 3 else ""
        return "; ".join(measured.complaints[:3]) + more
    worst = max(measured.methods, key=lambda item: item.worst)
    return f"{worst.method} is off by {worst.worst:.3g} of the spread: {measured.certificate}, not {wanted}"
