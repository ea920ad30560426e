"""Models of XGBoost, LightGBM and CatBoost in their libraries' own files, which are data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlpack.errors import FormatError, MlpackError
from mlpack.format.artifact import Artifact
from mlpack.format.contract import Contract
from mlpack.format.documents import Fields
from mlpack.runtime.engines._native import NativeSession, check_versions, on_threads, read_description
from mlpack.runtime.engines._rows import RowForm
from mlpack.runtime.session import Session

__all__ = ["CLASSES", "FILES", "open_engine"]

FILES = {
    "catboost": "model/model.cbm",
    "lightgbm": "model/model.txt",
    "xgboost": "model/model.ubj",
}
"""Library -> file that holds its model."""

CLASSES = {
    "catboost": ("CatBoost", "CatBoostClassifier", "CatBoostRanker", "CatBoostRegressor"),
    "lightgbm": ("Booster",),
    "xgboost": ("Booster", "XGBClassifier", "XGBRFClassifier", "XGBRFRegressor", "XGBRanker", "XGBRegressor"),
}
"""Library -> classes that its file is read into."""

Call = Callable[[str, Any], Any]


def open_engine(artifact: Artifact, contract: Contract, *, threads: int) -> Session:
    """Open a booster's own file.

    Raises:
        FormatError: The files are not those of one booster.
        MissingExtraError: Its library is not installed.
        MlpackError: Its library refuses the file.
    """
    description = read_description(artifact)
    rows = RowForm.from_fields(description.fields("rows"))
    booster = description.fields("booster")
    library = booster.choice("library", tuple(FILES))
    kind = booster.choice("class", CLASSES[library])
    if library not in artifact.requires or artifact.files.keys() != {artifact.path, FILES[library]}:
        raise FormatError(f"expected {artifact.path} and {FILES[library]}, and nothing else", where="model")
    opener = {"catboost": _catboost, "lightgbm": _lightgbm, "xgboost": _xgboost}[library]
    check_versions(artifact)
    around = on_threads(threads)
    try:
        call = opener(artifact.files[FILES[library]], kind, booster, threads)
    except FormatError:
        raise
    except Exception as error:
        raise MlpackError(
            f"{library} refuses the model ({type(error).__name__})", code="engine", where=FILES[library]
        ) from error
    booster.done()
    description.done()
    from importlib import metadata

    title = f"{library} {metadata.version(library_distribution(artifact, library))}"
    return NativeSession(contract, rows, call, title=title, around=around)


def library_distribution(artifact: Artifact, library: str) -> str:
    """Return the distribution that brings a library: XGBoost has several."""
    return next(name for name in artifact.runtime if name.partition("-")[0] == library)


def _catboost(data: bytes, kind: str, booster: Fields, threads: int) -> Call:  # noqa: ARG001
    import catboost

    model = getattr(catboost, kind)().load_model(blob=data)
    return lambda method, rows: getattr(model, method)(rows, thread_count=threads)


def _lightgbm(data: bytes, kind: str, booster: Fields, threads: int) -> Call:  # noqa: ARG001
    import lightgbm

    model = lightgbm.Booster(model_str=data.decode("utf-8"))
    return lambda method, rows: getattr(model, method)(rows, num_threads=threads)


def _xgboost(data: bytes, kind: str, booster: Fields, threads: int) -> Call:
    import numpy as np
    import xgboost

    if kind == "Booster":
        bare = xgboost.Booster(model_file=bytearray(data))

        def call(method: str, rows: Any) -> Any:  # noqa: ANN401
            types = bare.feature_types if isinstance(rows, np.ndarray) else None
            table = xgboost.DMatrix(rows, enable_categorical=True, feature_types=types, nthread=threads)
            return getattr(bare, method)(table)

        return call
    missing = booster.number("missing") if booster.has("missing") else float("nan")
    categorical = booster.flag("categorical")
    model = getattr(xgboost, kind)(missing=missing, enable_categorical=categorical, n_jobs=threads)
    model.load_model(bytearray(data))
    return lambda method, rows: getattr(model, method)(rows)
