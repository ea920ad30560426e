"""The judge of tensors: native against loaded. It shares no code with the probes of packing."""

from __future__ import annotations

import tempfile
import traceback
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpack.errors import InputError, MlpackError, PackError
from mlpack.format.contract import Contract
from mlpack.packing.adapters import find_tensor_model
from mlpack.packing.tensors.proving import prove_tensors
from mlpack.runtime.engines import open_engine
from mlpack.runtime.predictor import Predictor
from mlpack.runtime.replay import replay_golden

if TYPE_CHECKING:
    from tests.zoo_tensors.case import Case, Made

__all__ = ["BAD", "Verdict", "examine"]

LIMIT = {"f2": 2e-2, "f4": 1e-5, "f8": 1e-9}
"""Largest `|a - b| / (spread + |a|)` by the type of the original's answer."""

BAD = ("DISAGREES", "ANSWERS-WHERE-NATIVE-REFUSES", "CRASHED")
"""Verdicts that must not be. That the contract refuses more sizes than the original is told, and allowed."""


@dataclass
class Verdict:
    """What was found of one case."""

    word: str
    detail: str
    narrower: list[str] = field(default_factory=list)


def examine(case: Case) -> Verdict:
    """Pack one case, load it, and judge it."""
    warnings.simplefilter("ignore")
    try:
        made = case.make()
    except Exception as error:  # noqa: BLE001 - a case of ours that this library does not have
        return Verdict("unfit", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
    try:
        model = find_tensor_model(made.model, made.example)
        if model is None:
            return Verdict("CRASHED", "not taken for a model of tensors")
        with tempfile.TemporaryDirectory() as folder:
            proof = prove_tensors(
                model, methods=None, certificate="tight", golden="synthetic", folder=Path(folder)
            )
            contract = Contract.from_bytes(proof.contract.to_bytes())
            loaded = Predictor(contract, open_engine(proof.artifact, contract), ranges="ignore")
        replay_golden(loaded, proof.golden, proof.parity, exact=True)
        return _judged(made, loaded, f"{proof.parity.certificate}, {proof.parity.rung}")
    except PackError as error:
        return Verdict("refused", " ".join(str(error).split()))
    except Exception:  # noqa: BLE001 - whatever it is, it is a finding
        return Verdict("CRASHED", " | ".join(traceback.format_exc().strip().splitlines()[-3:]))


def _judged(made: Made, loaded: Any, reached: str) -> Verdict:  # noqa: ANN401
    spreads = {
        name: float(part[np.isfinite(part)].std()) or 1.0 if part.dtype.kind == "f" else 1.0
        for name, part in made.native(made.fresh[0][1]).items()
    }
    narrower: list[str] = []
    for what, call in made.fresh:
        native, packed = _native(made, call), _packed(loaded, call)
        if isinstance(native, Exception) and isinstance(packed, Exception):
            continue
        if isinstance(native, Exception):
            return Verdict("ANSWERS-WHERE-NATIVE-REFUSES", f"{what}: {' '.join(str(native).split())[:150]}")
        if isinstance(packed, Exception):
            narrower.append(f"{what}: {' '.join(str(packed).split())[:120]}")
            continue
        if wrong := _differs(native, packed, spreads):
            return Verdict("DISAGREES", f"{what}: {wrong}")
    return Verdict("agrees", reached, narrower)


def _native(made: Made, call: Mapping[str, Any]) -> Any:  # noqa: ANN401
    try:
        return made.native(call)
    except Exception as error:  # noqa: BLE001 - whatever a stranger raises is a refusal
        return error


def _packed(loaded: Any, call: Mapping[str, Any]) -> Any:  # noqa: ANN401
    try:
        answer = loaded.predict(call)
    except InputError as error:
        return error
    except MlpackError as error:
        if error.code == "engine":
            return error
        raise
    return answer if isinstance(answer, dict) else {"": answer}


def _differs(native: Mapping[str, Any], packed: Mapping[str, Any], spreads: Mapping[str, float]) -> str:
    if list(native) != list(packed):
        return f"parts {list(native)} became {list(packed)}"
    for name, expected in native.items():
        found = packed[name]
        if expected.shape != found.shape or expected.dtype != found.dtype:
            return f"{name}: {expected.dtype} {expected.shape} became {found.dtype} {found.shape}"
        if expected.dtype.kind != "f":
            if (expected != found).any():
                return f"{name}: {int((expected != found).sum())} of {expected.size} differ"
            continue
        a, b = expected.astype(np.float64), found.astype(np.float64)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        with np.errstate(all="ignore"):
            error = np.abs(a - b) / (spreads[name] + np.abs(a))
        error[~(np.isfinite(a) & np.isfinite(b))] = np.inf
        worst = float(np.where(same, 0.0, error).max(initial=0.0))
        if worst > LIMIT[expected.dtype.str[1:]]:
            return f"{name}: off by {worst:.2g} of the spread"
    return ""
