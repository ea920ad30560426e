"""Boosters as their own libraries' files."""

from __future__ import annotations

import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlpack.format.artifact import Artifact
from mlpack.format.documents import canonical_json
from mlpack.packing.export.graph import Unsupported
from mlpack.packing.export.native import row_form, versions_of
from mlpack.runtime.engines._native import DESCRIPTION, NATIVE_VERSION
from mlpack.runtime.engines.boosters import CLASSES, FILES

if TYPE_CHECKING:
    from mlpack.packing.example import Example

__all__ = ["booster_artifact", "is_booster"]


def is_booster(model: object) -> bool:
    """Return whether a model has a file of its own library that holds all of it."""
    kind = type(model)
    return kind.__name__ in CLASSES.get(kind.__module__.partition(".")[0], ())


def booster_artifact(model: Any, example: Example) -> Artifact:  # noqa: ANN401  (the libraries ship no types)
    """Return a booster with the file that its library reads."""
    kind = type(model)
    library = kind.__module__.partition(".")[0]
    if library == "xgboost" and example.library != "numpy":
        refuse_confused_categories(model)
    data, more = {"catboost": _catboost, "lightgbm": _lightgbm, "xgboost": _xgboost}[library](model)
    description = {
        "version": NATIVE_VERSION,
        "rows": row_form(example).to_document(),
        "booster": {"library": library, "class": kind.__name__, **more},
    }
    frames = [] if example.library in ("numpy", "list") else [example.library]
    distribution = min(metadata.packages_distributions()[library])
    return Artifact(
        format="data-only",
        path=DESCRIPTION,
        files={DESCRIPTION: canonical_json(description), FILES[library]: data},
        requires=(library,),
        # scikit-learn brings what keeps them all to a number of threads
        runtime=versions_of(distribution, "scikit-learn", *frames),
    )


def refuse_confused_categories(model: Any) -> None:  # noqa: ANN401
    """Refuse an XGBoost model of category columns whose library mistakes unknown categories for known ones.

    Raises:
        Unsupported: It is one.
    """
    import xgboost

    booster = model.get_booster() if hasattr(model, "get_booster") else model
    version = str(xgboost.__version__)
    if "c" in (booster.feature_types or ()) and tuple(map(int, version.split(".")[:2])) < (3, 3):
        raise Unsupported(
            type(model).__name__,
            f"XGBoost {version} takes an unknown category for its neighbour in the alphabet, "
            "which 3.3 mends; or encode the categories in the pipeline",
        )


def _catboost(model: Any) -> tuple[bytes, dict[str, Any]]:  # noqa: ANN401
    with tempfile.TemporaryDirectory(prefix="mlpack-booster-") as folder:
        file = Path(folder) / "model.cbm"
        model.save_model(str(file), format="cbm")
        return file.read_bytes(), {}


def _lightgbm(model: Any) -> tuple[bytes, dict[str, Any]]:  # noqa: ANN401
    return model.model_to_string(num_iteration=-1).encode(), {}


def _xgboost(model: Any) -> tuple[bytes, dict[str, Any]]:  # noqa: ANN401
    if not hasattr(model, "get_booster"):
        return bytes(model.save_raw("ubj")), {}
    missing = float(model.missing)
    return bytes(model.get_booster().save_raw("ubj")), {
        "missing": None if missing != missing else missing,  # noqa: PLR0124  (NaN)
        "categorical": bool(model.enable_categorical),
    }
