"""Packs and judges cases, each in a process of its own, a few at a time, each under a time limit."""

from __future__ import annotations

import multiprocessing
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from tests.zoo.judge import Judge
from tests.zoo.warm import keep_warm

from mlpack.errors import PackError
from mlpack.format.contract import Contract
from mlpack.packing.proving import prove
from mlpack.runtime.engines import open_engine
from mlpack.runtime.predictor import Predictor
from mlpack.runtime.replay import replay_golden

if TYPE_CHECKING:
    from tests.zoo.case import Case

__all__ = ["Result", "examine", "keep"]

SECONDS = 100.0
"""Limit of one case."""

WORST_FIRST = ("DISAGREES", "ANSWERS-WHERE-NATIVE-REFUSES", "CONTRACT-REFUSES-MORE", "CRASHED")


@dataclass(frozen=True, kw_only=True)
class Result:
    """The verdict on a case: `agrees`, `refused`, `unfit`, or one of the bad ones; and how long it took."""

    group: str
    name: str
    verdict: str
    detail: str
    seconds: float = 0.0


def keep(cases: Sequence[Case], *, jobs: int = 2, seconds: float = SECONDS) -> Iterator[Result]:
    """Yield the result of every case as it comes."""
    keep_warm()
    context = multiprocessing.get_context("fork")
    waiting = list(reversed(cases))
    running: list[tuple[Case, Any, Connection, float]] = []
    while waiting or running:
        while waiting and len(running) < jobs:
            case = waiting.pop()
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_send, args=(case, theirs))
            process.start()
            theirs.close()
            running.append((case, process, ours, time.monotonic()))
        for entry in list(running):
            case, process, ours, started = entry
            verdict = _receive(ours) if ours.poll(0.02) else None
            took = time.monotonic() - started
            if verdict is None and took < seconds:
                continue
            if verdict is None:
                process.kill()
                verdict = ("CRASHED", f"no answer within {seconds:.0f} s")
            process.join()
            running.remove(entry)
            yield Result(
                group=case.group,
                name=case.name,
                verdict=verdict[0],
                detail=verdict[1],
                seconds=round(took, 2),
            )


def _receive(ours: Connection) -> tuple[str, str]:
    try:
        verdict: tuple[str, str] = ours.recv()
    except EOFError:
        return "CRASHED", "the process died"
    return verdict


def _send(case: Case, theirs: Connection) -> None:
    theirs.send(examine(case))


def examine(case: Case) -> tuple[str, str]:
    """Return the verdict on one case, and what it rests on."""
    warnings.simplefilter("ignore")
    try:
        made = case.make()
    except Exception as error:  # noqa: BLE001 - a case of ours that this scikit-learn does not have
        return "unfit", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    try:
        proof = prove(made.model, made.example, certificate="loose")
        contract = Contract.from_bytes(proof.contract.to_bytes())
        loaded = Predictor(contract, open_engine(proof.artifact, contract), ranges="ignore")
        replay_golden(loaded, proof.golden, proof.parity, exact=True)
        methods = [output.method for output in contract.outputs]
        certificates = {item.method: item.certificate for item in proof.parity.methods}
        judge = Judge(
            model=made.model if made.asked is None else made.asked,
            loaded=loaded,
            methods=methods,
            certificates=certificates,
            single={item.method for item in proof.parity.methods if item.precision == "float32"},
        )
        judge.over(made.example, made.fresh)
    except PackError as error:
        return "refused", " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - whatever it is, it is a finding
        return "CRASHED", " | ".join(traceback.format_exc().strip().splitlines()[-3:])
    for verdict in WORST_FIRST:
        if found := judge.findings.get(verdict):
            return verdict, f"{len(found)} times; {'; '.join(found[:3])} [{proof.parity.rung}]"
    return "agrees", f"{proof.parity.certificate}, {proof.parity.rung}"
