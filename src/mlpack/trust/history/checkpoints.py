"""Checkpoints: somebody says, for a time, how far a history has come. Without one, its end can be cut off."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mlpack.errors import FormatError
from mlpack.format.documents import Fields, compact_json, parse_json
from mlpack.trust.history.events import check_time, written

__all__ = ["CHECKPOINT_TYPE", "Checkpoint", "checkpoint_statement", "parse_checkpoint", "retired_digest"]

CHECKPOINT_TYPE: Final = "urn:mlpack:lifecycle-checkpoint:1"
"""Predicate type of a checkpoint."""

_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_ID: Final = re.compile(r"event:sha256:[0-9a-f]{64}")
_LOG: Final = re.compile(r"[0-9a-f]{32}")
_SET: Final = re.compile(r"retired:sha256:[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """How far a history had come when somebody looked.

    Attributes:
        log: Which history.
        sequence: Largest sequence number of its heads.
        heads: `event:sha256:<hex>` of the events that no other one followed, sorted; all stages.
        retired: `retired:sha256:<hex>` over the bundles that were retired.
        time: When, by the signer's clock.
        expires: Until when it may be relied on.
    """

    log: str
    sequence: int
    heads: tuple[str, ...]
    retired: str
    time: dt.datetime
    expires: dt.datetime

    def __post_init__(self) -> None:
        """Refuse what no checkpoint can say.

        Raises:
            FormatError: A value is impossible.
        """
        fits = all(_ID.fullmatch(item) for item in self.heads)
        if not fits or not self.heads or list(self.heads) != sorted(set(self.heads)):
            raise FormatError("expected events, sorted, each once", where="checkpoint.heads")
        if not _LOG.fullmatch(self.log) or not _SET.fullmatch(self.retired) or self.sequence < 1:
            raise FormatError("not what a checkpoint can have", where="checkpoint")
        if self.expires <= self.time:
            raise FormatError("over before it began", where="checkpoint.expires")


def retired_digest(bundles: Iterable[str]) -> str:
    """Return the hash over a set of bundles."""
    text = "".join(f"{bundle}\n" for bundle in sorted(set(bundles)))
    return "retired:sha256:" + hashlib.sha256(text.encode("ascii")).hexdigest()


def checkpoint_statement(checkpoint: Checkpoint) -> bytes:
    """Return the in-toto statement of a checkpoint; its subjects are the heads."""
    subjects = [
        {"name": "event", "digest": {"sha256": head.removeprefix("event:sha256:")}}
        for head in checkpoint.heads
    ]
    predicate = {
        "log": checkpoint.log,
        "sequence": checkpoint.sequence,
        "heads": list(checkpoint.heads),
        "retired": checkpoint.retired,
        "time": written(checkpoint.time),
        "expires": written(checkpoint.expires),
    }
    return compact_json(
        {
            "_type": _STATEMENT,
            "subject": subjects,
            "predicateType": CHECKPOINT_TYPE,
            "predicate": predicate,
        }
    )


def parse_checkpoint(payload: bytes) -> Checkpoint:
    """Parse a statement strictly.

    Raises:
        FormatError: It is no checkpoint, or has another form.
    """
    top = Fields(parse_json(payload, where="checkpoint"), "checkpoint")
    top.choice("predicateType", (CHECKPOINT_TYPE,))
    predicate = top.fields("predicate")
    found = Checkpoint(
        log=predicate.text("log"),
        sequence=predicate.integer("sequence", minimum=1),
        heads=predicate.texts("heads"),
        retired=predicate.text("retired"),
        time=check_time(predicate.text("time"), "checkpoint.time"),
        expires=check_time(predicate.text("expires"), "checkpoint.expires"),
    )
    if checkpoint_statement(found) != payload:
        raise FormatError("not written in the one form that checkpoints have", where="checkpoint")
    return found
