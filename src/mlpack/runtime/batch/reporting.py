"""Errors of workers, as they leave a process, and as the driver reads them again."""

from __future__ import annotations

import json
from collections.abc import Mapping

from mlpack import errors
from mlpack.errors import MlpackError

__all__ = ["placed", "rebuilt"]

_MARK = "mlpack-error: "
"""What the line starts with that carries an error through an engine that keeps only text."""


def placed(error: MlpackError, place: str) -> MlpackError:
    """Return the error as one that says on which node and in which part of the table it happened.

    A note carries its fields as one line of JSON: Spark hands tracebacks to the driver as text.
    """
    where = f"{place}: {error.where}" if error.where else place
    fields = {
        "type": type(error).__name__,
        "message": error.message,
        "code": error.code,
        "where": where,
        "hint": error.hint,
        "problems": error.problems,
    }
    result = _made(fields)
    result.add_note(_MARK + json.dumps(fields))
    return result


def rebuilt(text: str) -> MlpackError | None:
    """Return the error that an engine's message carries, or None when it carries none."""
    _, mark, rest = text.rpartition(_MARK)
    if not mark:
        return None
    try:
        fields, _ = json.JSONDecoder().raw_decode(rest)
        return _made(fields)
    except (json.JSONDecodeError, KeyError, TypeError):
        return None  # cut off on its way: the engine's own message says more


def _made(fields: Mapping[str, object]) -> MlpackError:
    name = str(fields["type"])
    kind = getattr(errors, name) if name in errors.__all__ else MlpackError
    problems = fields["problems"]
    result: MlpackError = kind(
        str(fields["message"]),
        code=str(fields["code"]),
        where=str(fields["where"]),
        hint=str(fields["hint"]),
        problems=tuple(map(str, problems)) if isinstance(problems, list | tuple) else (),
    )
    return result
