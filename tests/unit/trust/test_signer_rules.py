from __future__ import annotations

import datetime as dt
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from tests.authorities import new_authority

from mlpack.errors import PolicyError
from mlpack.trust.certificates import Roots
from mlpack.trust.identities import CiRule
from mlpack.trust.keys import PublicKey
from mlpack.trust.policy import Policy
from mlpack.trust.signer_rules import SignerRule
from mlpack.trust.trusted_root import PUBLIC_GOOD, STAGING, TrustedRoot

ROOTS = new_authority().pem.decode()
WHO = {"identity": "release@acme.example", "issuer": "https://accounts.example"}
CERTIFIED = {"roots": ROOTS, "subject": "CN=release,O=Acme"}
EMPTY_ROOT = json.dumps({"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"})
WHEN = "2027-01-31T10:00:00Z"

GOOD: list[dict[str, Any]] = [
    WHO,
    {**WHO, "trusted_root": "public-good"},
    {**WHO, "trusted_root": "staging"},
    {**WHO, "trusted_root": EMPTY_ROOT},
    {**WHO, "accept_signed_before": "2027-01-31", "accept_signed_after": WHEN},
    {**WHO, "github": {}},
    {
        **WHO,
        "github": {
            "repository_id": "4711",
            "ref": "refs/tags/v*",
            "workflow": ".github/workflows/*.yml",
            "triggers": ["push"],
            "self_hosted": "allow",
        },
    },
    CERTIFIED,
    {**CERTIFIED, "subject": "release"},
    {**CERTIFIED, "trusted_root": "public-good"},
]
BAD: list[dict[str, Any]] = [
    {},
    {"identity": WHO["identity"]},
    {"issuer": WHO["issuer"]},
    {**WHO, "issuer": ""},
    {**WHO, "identity": ""},
    {**WHO, "identity": "*"},
    {**WHO, "identity": "a b"},
    {**WHO, "issuer": "https://*.example"},
    {**WHO, **CERTIFIED},
    {**WHO, "roots": ROOTS},
    {**WHO, "github": {"owner": "acme"}},
    {**WHO, "github": {"repository_id": "acme/models"}},
    {**WHO, "github": {"triggers": []}},
    {**WHO, "github": {"triggers": "push"}},
    {**WHO, "github": {"self_hosted": "yes"}},
    {**WHO, "github": []},
    {**WHO, "accept_signed_before": "tomorrow"},
    {**WHO, "accept_signed_after": "2027-1-31"},
    {**WHO, "trusted_root": ""},
    {"roots": ROOTS},
    {"subject": "release"},
    {**CERTIFIED, "subject": ""},
    {**CERTIFIED, "roots": ""},
    {**CERTIFIED, "github": {}},
    {**CERTIFIED, "regex": "x"},
]


def document(signer: dict[str, Any]) -> dict[str, Any]:
    head = {"schema": "mlpack-policy/1", "id": "prod", "version": "3"}
    return {**head, "signers": [{"name": "release", **signer}]}


def schema_accepts(signer: dict[str, Any]) -> bool:
    from jsonschema_rs import validator_for

    schema = json.loads(files("mlpack.trust").joinpath("schemas/policy.schema.json").read_text())
    return bool(validator_for(schema).is_valid(document(signer)))


def parser_accepts(signer: dict[str, Any]) -> bool:
    try:
        Policy.from_text(json.dumps(document(signer)))
    except PolicyError:
        return False
    return True


@pytest.mark.parametrize("signer", GOOD)
def test_schema_and_parser_accept_the_same(signer: dict[str, Any]) -> None:
    assert (schema_accepts(signer), parser_accepts(signer)) == (True, True)


@pytest.mark.parametrize("signer", BAD)
def test_schema_and_parser_refuse_the_same(signer: dict[str, Any]) -> None:
    assert (schema_accepts(signer), parser_accepts(signer)) == (False, False)


def test_a_date_is_its_first_moment() -> None:
    rule = Policy.from_text(json.dumps(document({**WHO, "accept_signed_before": "2027-01-31"}))).signers[0]
    assert rule.accept_signed_before == dt.datetime(2027, 1, 31, tzinfo=dt.UTC)


def test_files_are_relative_to_the_policy(tmp_path: Path) -> None:
    (tmp_path / "roots.pem").write_text(ROOTS)
    (tmp_path / "trusted_root.json").write_text(EMPTY_ROOT)
    signers = [
        {"name": "a", **WHO, "trusted_root": "trusted_root.json"},
        {"name": "b", **CERTIFIED, "roots": "roots.pem"},
    ]
    (tmp_path / "policy.yaml").write_text(json.dumps({**document({}), "signers": signers}))
    rules = Policy.from_file(tmp_path / "policy.yaml").signers
    assert rules[0].trusted_root == TrustedRoot(text=EMPTY_ROOT)
    assert rules[1].roots == Roots(pem=ROOTS)


@pytest.mark.parametrize(
    "signer", [{**WHO, "trusted_root": "root.json"}, {**CERTIFIED, "roots": "roots.pem"}]
)
def test_a_text_cannot_name_files(signer: dict[str, Any]) -> None:
    with pytest.raises(PolicyError, match="must hold its keys and roots"):
        Policy.from_text(json.dumps(document(signer)))


def test_one_principal_cannot_count_as_two_signers() -> None:
    rules = tuple(SignerRule(name=name, **WHO) for name in ("alice", "bob"))  # type: ignore[arg-type]
    with pytest.raises(PolicyError, match="twice"):
        Policy(id="prod", signers=rules)


def test_what_a_rule_means_is_part_of_the_policy_s_hash() -> None:
    plain = Policy.from_identity(WHO["identity"], WHO["issuer"])
    strict = Policy.from_identity(WHO["identity"], WHO["issuer"], github=CiRule(ref="refs/heads/main"))
    staging = Policy.from_identity(WHO["identity"], WHO["issuer"], trusted_root="staging")
    assert len({plain.sha256, strict.sha256, staging.sha256}) == 3


def test_kinds_do_not_mix(public: PublicKey) -> None:
    for more in (
        {"identity": "a@b.example"},
        {"subject": "x"},
        {"trusted_root": "staging"},
        {"github": CiRule()},
    ):
        with pytest.raises(PolicyError):
            SignerRule(name="x", key=public, **more)


def test_a_time_bound_has_a_zone(public: PublicKey) -> None:
    with pytest.raises(PolicyError, match="zone"):
        SignerRule(name="x", key=public, accept_signed_before=dt.datetime(2027, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("name", [PUBLIC_GOOD, STAGING])
def test_sigstore_s_wheel_carries_the_roots(name: str) -> None:
    assert TrustedRoot.embedded(name).anchors.clocks


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"mediaType": "x"}', "\ud800"])
def test_what_is_no_trusted_root_is_refused(text: str) -> None:
    with pytest.raises(PolicyError):
        TrustedRoot(text=text)


def test_a_missing_trusted_root_file_is_a_policy_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        TrustedRoot.from_file(tmp_path / "nothing.json")
