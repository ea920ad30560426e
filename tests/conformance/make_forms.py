"""Make the golden bundles of the newer forms: `python tests/conformance/make_forms.py`.

One small bundle for each way to run a model, each packed from a real model. Other versions of the libraries
pack other bytes, so these are made once: they stand for what is out there, and every later version must read
them. A bundle that is there already is left alone.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import mlpack

HERE = Path(__file__).parent / "golden" / "forms"
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 3))
LABELS = (ROWS[:, 0] > 0).astype(int)


def host_steps() -> tuple[Any, Any, dict[str, Any]]:
    """Return texts, which the host counts, before a graph."""
    import pandas as pd
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    texts = pd.Series(["good day", "bad night", "good na\u00efve night", "bad day"] * 8)
    model = make_pipeline(TfidfVectorizer(), LogisticRegression())
    return model.fit(texts, [1, 0, 1, 0] * 8), texts, {}


def skops() -> tuple[Any, Any, dict[str, Any]]:
    """Return a model that its own library runs, from an archive of plain data."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression().fit(ROWS, LABELS), ROWS, {"prefer": "native"}


def booster() -> tuple[Any, Any, dict[str, Any]]:
    """Return a booster in its own file."""
    from xgboost import XGBRegressor

    return XGBRegressor(n_estimators=3, max_depth=2).fit(ROWS, ROWS[:, 0]), ROWS, {"prefer": "native"}


def tensors() -> tuple[Any, Any, dict[str, Any]]:
    """Return a graph over named tensors, with a size that may vary."""
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Add", ["left", "right"], ["sum"])],
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2]) for name in ("left", "right")],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["batch", 2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    one = RNG.normal(size=(4, 2)).astype(np.float32)
    return model, {"left": one, "right": one[::-1].copy()}, {}


FORMS: dict[str, Callable[[], tuple[Any, Any, dict[str, Any]]]] = {
    "host-steps": host_steps,
    "skops": skops,
    "booster": booster,
    "tensors": tensors,
}


def answer(bundle: Path) -> dict[str, Any]:
    """Return what a bundle answers for its own golden rows, and its digest."""
    opened = mlpack.inspect(bundle)
    golden = json.loads(opened.read("evidence/golden.json"))
    return {
        "digest": opened.digest,
        "requires": list(opened.manifest.requires),
        "methods": list(opened.manifest.model.methods),
        "rows": golden["rows"],
    }


def main() -> None:
    """Write what is missing."""
    warnings.simplefilter("ignore")
    HERE.mkdir(parents=True, exist_ok=True)
    place = HERE / "expected.json"
    expected = json.loads(place.read_text("ascii")) if place.exists() else {}
    for name, make in FORMS.items():
        if name in expected:
            continue
        model, example, words = make()
        with tempfile.TemporaryDirectory() as folder:
            mlpack.pack(
                model, name=name, version="1.0.0", example=example, output=folder, offline=True, **words
            )
            made = Path(folder) / f"{name}-1.0.0.mlpack"
            (HERE / made.name).write_bytes(made.read_bytes())
        expected[name] = answer(HERE / f"{name}-1.0.0.mlpack")
    place.write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
