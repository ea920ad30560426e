"""Events and checkpoints are read strictly: one meaning, one text."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpack.errors import FormatError
from mlpack.format.documents import compact_json
from mlpack.trust.history.checkpoints import (
    Checkpoint,
    checkpoint_statement,
    parse_checkpoint,
    retired_digest,
)
from mlpack.trust.history.events import Event, EvidenceOf, event_statement, parse_event

BUNDLE = "bundle:sha256:" + "1" * 64
BEFORE = "event:sha256:" + "2" * 64
NOW = dt.datetime(2026, 5, 1, 12, 0, tzinfo=dt.UTC)
EVENT = Event(
    log="a" * 32,
    sequence=2,
    previous=(BEFORE,),
    action="promote",
    stage="production",
    bundle=BUNDLE,
    name="churn",
    version="1.2.0",
    replaces="bundle:sha256:" + "3" * 64,
    manifests=("manifest:sha256:" + "4" * 64,),
    reason="better \u00e9",
    policy="policy:sha256:" + "5" * 64,
    evidence=(EvidenceOf(type="t", digest="file:sha256:" + "6" * 64, signer="ci"),),
    time=NOW,
)
CHECKPOINT = Checkpoint(
    log="a" * 32,
    sequence=2,
    heads=(BEFORE,),
    retired=retired_digest([BUNDLE]),
    time=NOW,
    expires=NOW + dt.timedelta(days=7),
)


def test_an_event_is_read_back_as_it_was() -> None:
    assert parse_event(event_statement(EVENT)) == EVENT
    assert json.loads(event_statement(EVENT))["subject"][0]["digest"]["sha256"] == "1" * 64


def test_a_checkpoint_is_read_back_as_it_was() -> None:
    assert parse_checkpoint(checkpoint_statement(CHECKPOINT)) == CHECKPOINT


@pytest.mark.parametrize(
    "changes",
    [
        {"log": "a"},
        {"sequence": 1},
        {"previous": ()},
        {"previous": (BEFORE, BEFORE)},
        {"previous": ("event:sha256:" + "9" * 64, BEFORE)},
        {"stage": ""},
        {"stage": "Production"},
        {"action": "retire"},
        {"bundle": "sha256:" + "1" * 64},
        {"name": ""},
        {"version": ""},
        {"version": "1\n2"},
        {"replaces": "x"},
        {"manifests": ("x",)},
        {"reason": "x" * 2001},
        {"policy": "x"},
        {"evidence": (EvidenceOf(type="t", digest="x", signer="ci"),)},
        {"time": NOW.replace(tzinfo=None)},
    ],
)
def test_an_event_that_contradicts_itself_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        replace(EVENT, **changes)


def test_what_a_retirement_needs() -> None:
    retired = replace(EVENT, action="retire", stage="", version="")
    assert parse_event(event_statement(retired)) == retired


def altered(**changes: object) -> bytes:
    document = json.loads(event_statement(EVENT))
    for path, value in changes.items():
        place: dict[str, Any] = document
        *above, last = path.split("__")
        for key in above:
            place = place[key]
        place[last] = value
    return compact_json(document)


@pytest.mark.parametrize(
    "payload",
    [
        altered(extra=1),
        altered(predicate__extra=1),
        altered(predicateType="urn:other"),
        altered(_type="https://in-toto.io/Statement/v0.1"),
        altered(subject=[]),
        altered(subject=[{"name": "SHA256SUMS", "digest": {"sha256": "7" * 64}}]),
        altered(predicate__bundle="bundle:sha256:" + "7" * 64),
        altered(predicate__sequence=True),
        altered(predicate__sequence="2"),
        altered(predicate__sequence=2.0),
        altered(predicate__time="2026-05-01T12:00:00+00:00"),
        altered(predicate__time="2026-02-30T12:00:00Z"),
        altered(predicate__action="approve"),
        altered(predicate__evidence=[{"type": "t"}]),
        event_statement(EVENT)[:-1],
        event_statement(EVENT) + b"\n",
        event_statement(EVENT).replace(b'"log"', b'"log":"x","log"'),
        b"[]",
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_another_text_is_no_event(payload: bytes) -> None:
    with pytest.raises(FormatError):
        parse_event(payload)


@pytest.mark.parametrize(
    "changes",
    [
        {"heads": ()},
        {"heads": (BEFORE, BEFORE)},
        {"heads": ("x",)},
        {"sequence": 0},
        {"retired": "x"},
        {"log": "x"},
        {"expires": NOW},
    ],
)
def test_a_checkpoint_that_contradicts_itself_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        replace(CHECKPOINT, **changes)


def test_an_event_is_no_checkpoint_and_the_reverse() -> None:
    with pytest.raises(FormatError):
        parse_checkpoint(event_statement(EVENT))
    with pytest.raises(FormatError):
        parse_event(checkpoint_statement(CHECKPOINT))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3),
    max_leaves=5,
)


@given(key=st.sampled_from(sorted(json.loads(event_statement(EVENT))["predicate"])), value=json_values)
def test_any_value_in_any_field_is_an_event_or_a_format_error(key: str, value: object) -> None:
    document = json.loads(event_statement(EVENT))
    document["predicate"][key] = value
    try:
        parse_event(json.dumps(document).encode())
    except FormatError:
        return


def test_the_retired_set_does_not_depend_on_order_or_repetition() -> None:
    other = BUNDLE.replace("1", "8")
    assert retired_digest([BUNDLE, other]) == retired_digest([other, BUNDLE, other])
    assert retired_digest([BUNDLE]) != retired_digest([])
