"""Pickled models. Loading one runs whatever the pickle says: it counts as code, and is asked for as such."""

from __future__ import annotations

from mlpack.errors import FormatError, MlpackError
from mlpack.format.artifact import Artifact
from mlpack.format.contract import Contract
from mlpack.runtime.engines._native import NativeSession, check_versions, on_threads, read_description
from mlpack.runtime.engines._rows import RowForm
from mlpack.runtime.session import Session

__all__ = ["PICKLE", "open_engine"]

PICKLE = "model/model.pkl"


def open_engine(artifact: Artifact, contract: Contract, *, threads: int) -> Session:
    """Open a pickled model; what the pickle says is done.

    Raises:
        FormatError: There is no pickle.
        MissingExtraError: A library is not installed.
        MlpackError: It cannot be unpickled.
    """
    description = read_description(artifact)
    rows = RowForm.from_fields(description.fields("rows"))
    description.done()
    if PICKLE not in artifact.files:
        raise FormatError("no pickle", where=PICKLE)
    check_versions(artifact)
    import cloudpickle

    try:
        model = cloudpickle.loads(artifact.files[PICKLE])
    except Exception as error:
        raise MlpackError(
            f"the pickle cannot be loaded ({type(error).__name__})", code="engine", where=PICKLE
        ) from error
    return NativeSession(
        contract,
        rows,
        lambda method, table: getattr(model, method)(table),
        title="the pickled model",
        around=on_threads(threads),
    )
