"""pack: a fitted model in, a bundle out. Proof, environment and BOM are asked in turn."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from mlpack.errors import UsageError
from mlpack.format.artifact import Artifact
from mlpack.format.bom.schemas import SpecVersion
from mlpack.format.opening import UnverifiedBundle, inspect
from mlpack.format.secrets.gate import check_override
from mlpack.format.writer import Assembled, BundleLayout, write_bundle
from mlpack.packing.adapters import find_tensor_model
from mlpack.packing.assembly import Certificate, Made, Request, assemble_parts, check_choice
from mlpack.packing.card import ModelCard
from mlpack.packing.disclosure import ALL, Disclose, check_disclose
from mlpack.packing.environment.capture import capture_environment
from mlpack.packing.environment.locking import Locked
from mlpack.packing.environment.training import lock_in_background
from mlpack.packing.lineage.fingerprint import fingerprint, require_arrow
from mlpack.packing.lineage.training import check_lineage
from mlpack.packing.metrics import example_metrics
from mlpack.packing.notices import PackWarning
from mlpack.packing.processing import between
from mlpack.packing.proving import Prefer, Proof, prove
from mlpack.packing.serving import Serving, settle
from mlpack.packing.tensors.proving import TensorProof, prove_tensors
from mlpack.packing.unsafe import UnsafePickle

__all__ = ["PackWarning", "pack"]


def pack(
    model: object,
    *,
    name: str,
    version: str,
    example: object,
    targets: object = None,
    output: str | os.PathLike[str] = "dist",
    methods: Sequence[str] | None = None,
    prefer: Prefer = "onnx",
    code: bool = False,
    preprocess: Callable[[Any], Any] | None = None,
    postprocess: Callable[[Any], Any] | None = None,
    certificate: Certificate = "tight",
    platforms: Sequence[str] = ("linux/amd64", "linux/arm64"),
    accelerators: Sequence[str] = ("cpu",),
    pythons: Sequence[str] | None = None,
    golden: Literal["synthetic", "sample"] = "synthetic",
    disclose: Sequence[Disclose] = ALL,
    datasets: Mapping[str, object] | None = None,
    metrics: Mapping[str, float] | None = None,
    parameters: Mapping[str, object] | None = None,
    license: str | None = None,  # noqa: A002  (the field's own word)
    card: ModelCard | None = None,
    offline: bool = False,
    replay: bool = True,
    vendor: bool = False,
    layout: BundleLayout = "archive",
    overwrite: bool = False,
    unsafe_allow: Sequence[str] = (),
    lineage: bool | str | os.PathLike[str] = True,
    bom_version: SpecVersion = "1.6",
) -> UnverifiedBundle:
    """Make a bundle of a fitted model: its graph, contract, lock, BOM and the proof that it answers the same.

    Contacts the package index that uv is configured for, to lock what serving needs, unless `offline`.

    Args:
        model: A fitted scikit-learn estimator or pipeline, a function of rows, an object with the methods of
            `mlpack.Model`, or an `UnsafePickle` around a fitted model.
        name: Name of the bundle: lower-case letters and digits, joined by single `.`, `_` or `-`.
        version: SemVer or PEP 440.
        example: Rows as the model was fitted on, ideally the training data: a pandas or polars DataFrame, or
            an array of shape (n, k). Only statistics of it are kept, unless `golden="sample"`.
        targets: True values for the rows of the example, shape (n,) or (n, k): card and BOM then show how
            well the model does on them. They are not stored.
        output: Folder to put the bundle in; created when missing.
        methods: Methods to offer; None takes all that the model has and a bundle can hold.
        prefer: What to pack: `onnx` (a graph; where none agrees, what the model's own library runs from
            data, with a warning), `onnx-only`, or `native`.
        code: Whether classes and functions of your own in the model may come along as source. Such a bundle
            runs code, and loads only where a policy allows code for whoever signed it.
        preprocess: Function of rows as the example has them; returns the rows that the model takes. It
            becomes part of the graph or a host step where its operations have an exact form there, and else
            comes along as source, as with `code`, with a warning.
        postprocess: The same for the answers of `predict` (of the first of `methods` where `predict` is
            not among them): takes them as an array, returns as many. Other methods stay as they are.
        certificate: Weakest parity accepted: `exact` (bit for bit), `tight` (1e-9 of the spread),
            or `loose` (1e-5).
        platforms: What to lock for, as `os/architecture`.
        accelerators: What to lock for.
        pythons: Versions of Python to lock for, as `("3.11", "3.12")`; None takes all that every package runs
            on, around the running one.
        golden: `synthetic` draws the golden rows from the contract; `sample` stores rows of the example.
        disclose: What the contract may show of the example's values: `extremes` (smallest and largest as they
            are, not rounded outwards) and `categories` (those of fewer than five rows, too).
        datasets: Name -> data (DataFrame, array, Arrow table), fingerprinted into the BOM; the data itself is
            not kept.
        metrics: Name -> value, for the card and the BOM.
        parameters: Facts about the training run, for the BOM.
        license: SPDX expression of the model's licence.
        card: What only a person can say about the model.
        offline: Contact nothing: lock from uv's cache, install and carry along from there and local wheels.
        replay: Whether to install what the lock names into an environment of its own, and to write the bundle
            only if the golden rows come out there too; without network while the model runs, where the user
            may cut it off.
        vendor: Carry every locked wheel along, so that installing needs no network; `mlpack vendor` adds or
            drops them later.
        layout: `archive` writes NAME-VERSION.mlpack, `directory` a folder of that name.
        overwrite: Replace an existing bundle.
        unsafe_allow: Findings of the secrets gate to let through, as `DETECTOR:PATH`; recorded in the bundle.
        lineage: Whether the BOM names the commit and the difference from it, the notebook or script that runs
            and the active MLflow run, by digest; or the path of that notebook or script.
        bom_version: Version of CycloneDX for the bill of materials.

    Returns:
        The bundle, as it was written.

    Raises:
        UsageError: An argument is wrong.
        ModelError: The model is not fitted or not of a known kind.
        ExampleError: The example is empty, of a wrong type, or the model rejects it.
        ExportError: No route gives a graph that agrees within the certificate.
        LockError: What serving needs cannot be locked.
        SecretError: Something about to be written looks like a secret.
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
        unsafe_allow=check_override(unsafe_allow),
        lineage=check_lineage(lineage),
        bom_version=bom_version,
    )
    check_choice("prefer", prefer, get_args(Prefer))
    request.check()
    shown = check_disclose(disclose)
    if golden == "sample":
        warnings.warn("rows of the example are stored in the bundle, as they are", PackWarning, stacklevel=2)
    training = lock_in_background(offline=offline)
    if request.datasets:
        require_arrow()
        found = {name: fingerprint(data, name) for name, data in request.datasets.items()}
        request = replace(request, fingerprints=found)
    whole = between(model, example, preprocess=preprocess, postprocess=postprocess, methods=methods)
    tensors = find_tensor_model(whole, example)
    # Weights that are too large for memory lie here until the bundle is written.
    with tempfile.TemporaryDirectory(prefix="mlpack-") as folder:
        proof: Proof | TensorProof
        if tensors is not None:
            proof = prove_tensors(
                tensors, methods=methods, certificate=certificate, golden=golden, folder=Path(folder)
            )
        else:
            proof = prove(
                whole,
                example,
                methods=methods,
                certificate=certificate,
                golden=golden,
                prefer=prefer,
                code=code,
                disclose=shown,
            )
        if targets is not None:
            if not isinstance(proof, Proof):
                raise UsageError("only models of tables are measured against them", where="targets")
            measured = example_metrics(proof.native, proof.description.task, targets)
            request = replace(request, metrics={**measured, **request.metrics})
        trained = training.result()
        if trained.problem:
            warnings.warn(trained.problem, PackWarning, stacklevel=2)
        subject = _subject(model) if tensors is None else tensors.subject
        environment = capture_environment(subject, trained.unlocked)

        def put_together(artifact: Artifact, locked: Locked) -> Assembled:
            made = Made(
                description=proof.description,
                contract=proof.contract,
                artifact=artifact,
                parity=proof.parity,
                golden=proof.golden,
                lock=locked.data,
                platforms=tuple(sorted(platforms)),
                environment=environment,
                training_lock=trained.data,
            )
            return assemble_parts(request, made)

        serving = Serving(
            platforms=platforms,
            accelerators=accelerators,
            pythons=pythons,
            offline=offline,
            replay=replay,
            vendor=vendor,
        )
        settled = settle(serving, proof.artifact, put_together)
        write_bundle(
            settled.bundle, request.target, layout=layout, overwrite=overwrite, wheels=settled.wheels
        )
    return inspect(request.target)


def _subject(model: object) -> object:
    return model.model if isinstance(model, UnsafePickle) else model
