"""The part `history` of policy.yaml: from text to values."""

from __future__ import annotations

from pathlib import Path
from typing import cast, get_args

from mlpack.errors import PolicyError
from mlpack.format.documents import Fields
from mlpack.trust.history.rule import CheckpointRule, HistoryRule, StageRule
from mlpack.trust.rules import Threshold, When
from mlpack.trust.rules_file import count, parse_require

__all__ = ["parse_history"]


def parse_history(fields: Fields, base: Path | None) -> HistoryRule:
    """Return the rule that the text says.

    Args:
        fields: The mapping.
        base: Folder that `source` is relative to; None where a relative path would mean nothing.

    Raises:
        FormatError: A value has the wrong type, or a key is unknown.
        PolicyError: A value means nothing.
    """
    stages = []
    if fields.holds("stages"):
        inside = fields.fields("stages")
        stages = [_stage(name, inside.fields(name)) for name in fields.mapping("stages")]
    rule = HistoryRule(
        stages=tuple(stages),
        retire=fields.texts("retire") if fields.holds("retire") else (),
        log=_some_text(fields, "log"),
        in_force=_some_text(fields, "in_force"),
        minimum_sequence=count(fields, "minimum_sequence") if fields.holds("minimum_sequence") else 0,
        checkpoint=_checkpoint(fields.fields("checkpoint")) if fields.holds("checkpoint") else None,
        source=_source(fields, base) if fields.holds("source") else None,
    )
    fields.done()
    return rule


def _some_text(fields: Fields, key: str) -> str:
    if not fields.holds(key):
        return ""
    text = fields.text(key)
    if not text:
        raise PolicyError("expected text", where=f"{fields.where}.{key}")
    return text


def _stage(name: str, fields: Fields) -> StageRule:
    approvals = None
    if fields.holds("approvals"):
        inside = fields.fields("approvals")
        approvals = Threshold(k=count(inside, "k"), of=inside.texts("of"))
        inside.done()
    found = StageRule(
        name=name,
        promote=fields.texts("promote"),
        rollback=fields.texts("rollback") if fields.holds("rollback") else (),
        after=_some_text(fields, "after"),
        require=tuple(parse_require(item) for item in fields.each("require"))
        if fields.holds("require")
        else (),
        approvals=approvals,
    )
    fields.done()
    return found


def _checkpoint(fields: Fields) -> CheckpointRule:
    when = fields.choice("when", get_args(When)) if fields.holds("when") else "admission"
    found = CheckpointRule(by=fields.texts("by"), when=cast("When", when))
    fields.done()
    return found


def _source(fields: Fields, base: Path | None) -> Path:
    text = _some_text(fields, "source")
    scheme, folder = ("oci:", text.removeprefix("oci:")) if text.startswith("oci:") else ("", text)
    if not folder or "\0" in folder:
        raise PolicyError("expected a file, or oci:DIR", where=f"{fields.where}.source")
    place = Path(folder) if base is None else base / folder
    if base is None and not place.is_absolute():
        raise PolicyError(
            "a policy that is given as text, or pinned by its hash, has no folder",
            where=f"{fields.where}.source",
            hint="write an absolute path",
        )
    return Path(f"{scheme}{place}")
