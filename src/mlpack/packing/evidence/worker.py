"""The process that answers probes with the packed model. It loads the runtime and nothing of packing.

A graph that aborts, leaks or never returns takes this process with it and not the notebook.
"""

from __future__ import annotations

import pickle
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlpack.errors import InputError, MlpackError
from mlpack.format.artifact import Artifact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from mlpack.runtime.predictor import Predictor

__all__ = ["Answer", "Question", "Reply", "Task", "main"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """Rows for the packed model: input name -> values, missing ones None or NaN."""

    columns: Mapping[str, np.ndarray]
    one_by_one: bool


@dataclass(frozen=True, kw_only=True)
class Task:
    """What the process is asked to do."""

    contract: bytes
    artifact: Artifact
    threads: int
    questions: Sequence[Question]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the packed model said to some rows: outputs by key, or the reason of a refusal.

    Attributes:
        outputs: Key of the output -> answer.
        refused: Why there is none.
        failed: Whether it was the engine that refused, rather than the contract.
    """

    outputs: Mapping[str, np.ndarray] | None
    refused: str = ""
    failed: bool = False


@dataclass(frozen=True, kw_only=True)
class Reply:
    """All answers (one per question, or one per row where it was asked so), or why there are none."""

    answers: Sequence[Sequence[Answer]]
    failure: str = ""


def main() -> None:
    """Read a task from standard input, write the reply to standard output."""
    task: Task = pickle.load(sys.stdin.buffer)  # noqa: S301  (written by our own parent process)
    sys.stdout.buffer.write(pickle.dumps(_work(task)))


def _work(task: Task) -> Reply:
    from mlpack.format.contract import Contract
    from mlpack.runtime.engines import open_engine
    from mlpack.runtime.predictor import Predictor

    try:
        contract = Contract.from_bytes(task.contract)
        engine = open_engine(task.artifact, contract, threads=task.threads)
        predictor = Predictor(contract, engine, ranges="ignore")
        methods = contract.methods
        return Reply(answers=[_ask(predictor, methods, question) for question in task.questions])
    except MlpackError as error:
        return Reply(answers=[], failure=str(error))


def _ask(predictor: Predictor, methods: Sequence[str], question: Question) -> list[Answer]:
    if not question.one_by_one:
        return [_answer(predictor, methods, question.columns)]
    rows = len(next(iter(question.columns.values())))
    return [
        _answer(
            predictor, methods, {name: values[row : row + 1] for name, values in question.columns.items()}
        )
        for row in range(rows)
    ]


def _answer(predictor: Predictor, methods: Sequence[str], columns: Mapping[str, np.ndarray]) -> Answer:
    outputs: dict[str, np.ndarray] = {}
    try:
        for method in methods:
            answer = getattr(predictor, method)(columns)
            if isinstance(answer, dict):
                outputs.update({f"{method}.{name}": part for name, part in answer.items()})
            else:
                outputs[method] = answer
    except InputError as error:
        return Answer(outputs=None, refused=str(error))
    except MlpackError as error:
        # Which shapes a graph of tensors can take only shows when it runs.
        if predictor.layout != "tensors" or error.code != "engine":
            raise
        return Answer(outputs=None, refused=str(error), failed=True)
    return Answer(outputs=outputs)
