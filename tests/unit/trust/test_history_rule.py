"""The `history` rule of a policy: parser and schema agree, and what means nothing is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from mlpack.errors import FormatError, PolicyError, StorageError
from mlpack.trust.history.bringing import read_history_file
from mlpack.trust.history.evidence import HistoryEvidence, history_from_bytes
from mlpack.trust.history.rule import CheckpointRule, HistoryRule, StageRule
from mlpack.trust.keys import PublicKey
from mlpack.trust.policy import Policy
from mlpack.trust.rules import Require, Threshold

STAGES = {"production": {"promote": ["release"]}}
LOG = "0123456789abcdef" * 2

GOOD: list[dict[str, Any]] = [
    {"stages": STAGES},
    {"retire": ["release"]},
    {"stages": STAGES, "log": LOG, "in_force": "production", "minimum_sequence": "7"},
    {"stages": STAGES, "checkpoint": {"by": ["release"], "when": "both"}},
    {"stages": STAGES, "source": "/var/history.json"},
    {
        "stages": {
            "staging": {"promote": []},
            "production": {"promote": [], "rollback": [], "after": "staging"},
        }
    },
    {
        "stages": {
            "production": {
                "promote": ["release"],
                "require": [{"type": "test-result", "signer": "release", "fields": {"/result": "PASSED"}}],
                "approvals": {"k": "1", "of": ["release"]},
            }
        }
    },
]

BAD_FOR_BOTH: list[dict[str, Any]] = [
    {},
    {"stages": {}},
    {"retire": []},
    {"stages": {"production": {}}},
    {"stages": {"latest": {"promote": []}}},
    {"stages": {"Production": {"promote": []}}},
    {"stages": {"1.0.0": {"promote": []}}},
    {"stages": {"production": {"promote": ["release"], "demote": []}}},
    {"stages": {"production": {"promote": ["release", "release"]}}},
    {"stages": {"production": {"promote": ["release"], "approvals": {"k": "1", "of": []}}}},
    {"stages": {"production": {"promote": ["release"], "approvals": {"k": "0", "of": ["release"]}}}},
    {"stages": STAGES, "log": "abc"},
    {"stages": STAGES, "log": ""},
    {"stages": STAGES, "minimum_sequence": "0"},
    {"stages": STAGES, "checkpoint": {"by": []}},
    {"stages": STAGES, "checkpoint": {}},
    {"stages": STAGES, "checkpoint": {"by": ["release"], "when": "never"}},
    {"stages": STAGES, "source": ""},
    {"stages": STAGES, "extra": "x"},
]

BAD_FOR_THE_PARSER: list[dict[str, Any]] = [  # what no JSON Schema can say
    {"stages": STAGES, "in_force": "staging"},
    {"stages": {"production": {"promote": ["release"], "after": "staging"}}},
    {"stages": {"production": {"promote": ["nobody"]}}},
    {"stages": STAGES, "retire": ["nobody"]},
    {"stages": STAGES, "checkpoint": {"by": ["nobody"]}},
    {"stages": {"production": {"promote": ["release"], "approvals": {"k": "2", "of": ["release"]}}}},
    {"stages": {"production": {"promote": [], "require": [{"type": "vsa", "signer": "nobody"}]}}},
    {"stages": STAGES, "source": "relative.json"},
]


def document(rule: dict[str, Any], public: PublicKey) -> dict[str, Any]:
    head = {"schema": "mlpack-policy/1", "id": "prod", "version": "3", "name": "churn"}
    return {**head, "signers": [{"name": "release", "key": public.pem}], "history": rule}


def schema_accepts(rule: dict[str, Any], public: PublicKey) -> bool:
    from jsonschema_rs import validator_for

    schema = json.loads(files("mlpack.trust").joinpath("schemas/policy.schema.json").read_text())
    return bool(validator_for(schema).is_valid(document(rule, public)))


def parser_accepts(rule: dict[str, Any], public: PublicKey) -> bool:
    try:
        Policy.from_text(json.dumps(document(rule, public)))
    except PolicyError:
        return False
    return True


@pytest.mark.parametrize("rule", GOOD)
def test_schema_and_parser_accept_the_same(public: PublicKey, rule: dict[str, Any]) -> None:
    assert (schema_accepts(rule, public), parser_accepts(rule, public)) == (True, True)


@pytest.mark.parametrize("rule", BAD_FOR_BOTH)
def test_schema_and_parser_refuse_the_same(public: PublicKey, rule: dict[str, Any]) -> None:
    assert (schema_accepts(rule, public), parser_accepts(rule, public)) == (False, False)


@pytest.mark.parametrize("rule", BAD_FOR_THE_PARSER)
def test_the_parser_refuses_what_contradicts_the_rest_of_the_policy(
    public: PublicKey, rule: dict[str, Any]
) -> None:
    assert not parser_accepts(rule, public)


def test_every_field_is_read(public: PublicKey) -> None:
    rule = {
        "stages": {
            "staging": {"promote": ["release"]},
            "production": {
                "promote": ["release"],
                "rollback": ["release"],
                "after": "staging",
                "require": [{"type": "vsa"}],
                "approvals": {"k": "1", "of": ["release"]},
            },
        },
        "retire": ["release"],
        "log": LOG,
        "in_force": "production",
        "minimum_sequence": "7",
        "checkpoint": {"by": ["release"], "when": "start"},
        "source": "/var/history.json",
    }
    assert Policy.from_text(json.dumps(document(rule, public))).history == HistoryRule(
        stages=(
            StageRule(name="staging", promote=("release",)),
            StageRule(
                name="production",
                promote=("release",),
                rollback=("release",),
                after="staging",
                require=(Require(type="https://slsa.dev/verification_summary/v1"),),
                approvals=Threshold(k=1, of=("release",)),
            ),
        ),
        retire=("release",),
        log=LOG,
        in_force="production",
        minimum_sequence=7,
        checkpoint=CheckpointRule(by=("release",), when="start"),
        source=Path("/var/history.json"),
    )


def test_a_history_is_about_one_model(public: PublicKey) -> None:
    unnamed = document({"stages": STAGES}, public)
    del unnamed["name"]
    with pytest.raises(PolicyError, match="about one model"):
        Policy.from_text(json.dumps(unnamed))


@pytest.mark.parametrize(("text", "place"), [("h.json", "{}/h.json"), ("oci:store", "oci:{}/store")])
def test_a_source_is_relative_to_the_policy(public: PublicKey, tmp_path: Path, text: str, place: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(json.dumps(document({"stages": STAGES, "source": text}, public)))
    history = Policy.from_file(path).history
    assert history is not None
    assert str(history.source) == place.format(tmp_path)


def test_the_rule_changes_the_hash_of_a_policy_and_its_absence_does_not(public: PublicKey) -> None:
    plain = Policy.from_key(public)
    ruled = Policy(id=plain.id, name="a", signers=plain.signers, history=HistoryRule(retire=("key",)))
    assert replace(plain, name="a", sha256="").sha256 != ruled.sha256
    assert plain.sha256 == Policy(id=plain.id, signers=plain.signers, history=None).sha256


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"mediaType": "x"}',
        b'{"mediaType": "application/vnd.mlpack.history.v1+json", "events": ["?"], "checkpoints": []}',
        b'{"mediaType": "application/vnd.mlpack.history.v1+json", "events": [{}], "checkpoints": []}',
        b'{"mediaType": "application/vnd.mlpack.history.v1+json", "events": [], "checkpoints": [], "x": 1}',
    ],
)
def test_a_file_that_is_no_history_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "h.json").write_bytes(data)
    with pytest.raises(FormatError, match=r"h\.json"):
        read_history_file(tmp_path / "h.json")


def test_a_missing_file_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be read"):
        read_history_file(tmp_path / "none.json")


def test_an_exported_history_holds_the_exact_files() -> None:
    evidence = HistoryEvidence(source="x", events=(b'{ "a":1}', b"\xff"), checkpoints=(b"",))
    assert history_from_bytes(evidence.to_bytes(), source="x") == evidence
