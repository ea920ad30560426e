from __future__ import annotations

import datetime as dt
import hashlib
import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from mlpack.errors import PolicyError, UsageError
from mlpack.trust.keys import KeySigner, PublicKey
from mlpack.trust.policy import UNSIGNED, Policy, SignerRule, Unsigned
from mlpack.trust.policy_choice import resolve_policy, user_policy_path

DIGEST = "bundle:sha256:" + "ab" * 32
HEAD = {"schema": "mlpack-policy/1", "id": "prod", "version": "3"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own with no CI around it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "CI", "MLPACK_POLICY", "MLPACK_POLICY_SHA256"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def written(folder: Path, public: PublicKey, text: str = "", key: str = "release.pub") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "release.pub").write_text(public.pem)
    path = folder / "policy.yaml"
    body = f"schema: mlpack-policy/1\nid: prod\nversion: 3\nsigners:\n  - name: release\n    key: {key}\n"
    path.write_text(body + text)
    return path


def test_a_policy_file_with_everything(tmp_path: Path, public: PublicKey) -> None:
    path = written(
        tmp_path, public, f"name: churn\nformats: [onnx]\npins: ['{DIGEST}']\nexpires: 2027-01-31\n"
    )
    policy = Policy.from_file(path)
    assert policy == Policy(
        id="prod",
        version="3",
        signers=(SignerRule(name="release", key=public),),
        name="churn",
        formats=("onnx",),
        pins=(DIGEST,),
        expires=dt.datetime(2027, 1, 31, 23, 59, 59, tzinfo=dt.UTC),
    )


def test_the_hash_covers_key_files(tmp_path: Path, public: PublicKey, other: KeySigner) -> None:
    path = written(tmp_path, public)
    before = Policy.from_file(path).sha256
    assert Policy.from_file(path).sha256 == before
    (tmp_path / "release.pub").write_text(other.public_key.pem)
    assert Policy.from_file(path).sha256 != before


def test_source_and_hash_are_those_of_the_text(tmp_path: Path, public: PublicKey) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(json.dumps({**HEAD, "signers": [{"name": "release", "key": public.pem}]}))
    policy = Policy.from_file(path)
    assert (policy.source, policy.sha256) == (str(path), hashlib.sha256(path.read_bytes()).hexdigest())


def test_key_files_are_relative_to_the_policy_file(
    tmp_path: Path, public: PublicKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "deep", public)
    monkeypatch.chdir("/")
    assert Policy.from_file(path).signers[0].key == public


def test_a_key_may_stand_in_the_text(public: PublicKey) -> None:
    text = json.dumps({**HEAD, "signers": [{"name": "release", "key": public.pem}]})
    assert Policy.from_text(text).signers[0].key == public


def test_a_text_cannot_name_key_files() -> None:
    text = json.dumps({**HEAD, "signers": [{"name": "release", "key": "release.pub"}]})
    with pytest.raises(PolicyError, match="must hold its keys"):
        Policy.from_text(text)


def test_the_default_formats_cannot_execute_code(public: PublicKey) -> None:
    assert Policy.from_key(public).formats == ("onnx", "data-only")
    assert Policy.from_digest(DIGEST).formats == ("onnx", "data-only")


def test_from_key_takes_a_path_a_text_or_a_key(key_folder: Path, public: PublicKey) -> None:
    policies = [
        Policy.from_key(key_folder / "release.pub"),
        Policy.from_key(str(key_folder / "release.pub")),
        Policy.from_key(public.pem),
        Policy.from_key(public.pem.encode()),
        Policy.from_key(public),
    ]
    assert {policy.signers for policy in policies} == {(SignerRule(name="key", key=public),)}


def test_from_key_refuses_a_private_key(key_folder: Path) -> None:
    with pytest.raises(PolicyError, match="private key"):
        Policy.from_key(key_folder / "release.key")


def test_a_private_key_is_not_a_policy(key_folder: Path) -> None:
    with pytest.raises(PolicyError, match="a key, not a policy"):
        Policy.from_file(key_folder / "release.pub")


@pytest.mark.parametrize(
    "digest",
    [
        "ab" * 32,
        "sha256:" + "ab" * 32,
        "manifest:sha256:" + "ab" * 32,
        "file:sha256:" + "ab" * 32,
        "bundle:sha256:" + "AB" * 32,
        "bundle:sha256:" + "ab" * 31,
        "bundle:sha256:" + "ab" * 32 + "\n",
        "",
    ],
)
def test_an_untyped_or_mistyped_digest_is_refused(digest: str) -> None:
    with pytest.raises(PolicyError, match="bundle:sha256:"):
        Policy.from_digest(digest)


def test_a_policy_that_names_nobody_refuses_unless_it_pins() -> None:
    with pytest.raises(PolicyError, match="neither a signer nor a digest"):
        Policy(id="empty")
    assert Policy(id="pinned", pins=(DIGEST,)).signers == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"id": "\x1b[31m"},
        {"version": " "},
        {"schema": "mlpack-policy/2"},
        {"name": "Churn"},
        {"name": "../churn"},
        {"formats": ()},
        {"formats": ("onnx", "onnx")},
        {"formats": ("pickle",)},
        {"pins": (DIGEST, DIGEST)},
        {"expires": dt.datetime(2027, 1, 1)},  # noqa: DTZ001  (the point of the test)
    ],
)
def test_unusable_values_are_refused(public: PublicKey, changes: dict[str, Any]) -> None:
    with pytest.raises(PolicyError):
        Policy(**{"id": "prod", "signers": (SignerRule(name="release", key=public),), **changes})


def test_one_key_cannot_count_as_two_signers(public: PublicKey) -> None:
    rules = tuple(SignerRule(name=name, key=public) for name in ("alice", "bob"))
    with pytest.raises(PolicyError, match="twice"):
        Policy(id="prod", signers=rules)


def test_one_name_cannot_mean_two_keys(public: PublicKey, other: KeySigner) -> None:
    rules = (SignerRule(name="release", key=public), SignerRule(name="release", key=other.public_key))
    with pytest.raises(PolicyError, match="twice"):
        Policy(id="prod", signers=rules)


GOOD: list[dict[str, Any]] = [
    {},
    {"name": "churn"},
    {"name": "churn.v2-b_1"},
    {"formats": ["onnx", "data-only", "code"]},
    {"pins": [DIGEST]},
    {"pins": []},
    {"expires": "2027-01-31"},
    {"expires": "2027-01-31T10:00:00Z"},
    {"id": "team a/prod @ 2.0+x"},
    {"expires": {"at": "2027-01-31", "when": "both"}},
    {"attesters": []},
    {"threshold": {"k": "1", "of": ["release"]}},
    {"grandfathered": [DIGEST]},
    {"format_major": "1"},
    {"minimum_version": "1.2.0"},
    {"minimum_age": {"days": "3", "when": "start"}},
    {"minimum_age": {"days": "36500"}},
    {"evidence": {}},
    {"evidence": {"parity": "tight", "golden": "sample"}},
    {"allow_code": ["release"]},
    {"licenses": {"allow": ["MIT"], "deny": ["GPL-3.0-only"], "unknown": "accept"}},
    {"licenses": {"deny": ["GPL-3.0-only"]}},
    {"vulnerabilities": {"database": "/var/osv.zip", "maximum_age": "7"}},
    {
        "vulnerabilities": {
            "database": "/var/osv.zip",
            "maximum_age": "7",
            "severity": "high",
            "accept": [{"id": "CVE-1", "reason": "unreachable", "until": "2027-01-31"}],
            "vex": ["release"],
            "vex_maximum_age": "30",
            "unassessed": ["lib*"],
            "when": "both",
        }
    },
    {"revoked": [{"bundle": DIGEST, "reason": "wrong"}]},
    {"revoked": [{"file": "file:sha256:" + "ab" * 32, "reason": "wrong"}]},
    {"revoked": [{"signer": "release", "reason": "stolen", "since": "2027-01-31"}]},
    {"revoked": [{"signer": "key:sha256:" + "ab" * 32, "reason": "stolen"}]},
    {"revoked": [{"serial": "0a1b", "reason": "stolen"}]},
    {"require": [{"type": "cyclonedx"}]},
    {"require": [{"type": "https://x.org/t", "signer": "release", "fields": {"/result": "PASSED"}}]},
    {"require": [{"type": "vsa", "signer": ["release"], "fields": {"/a~1b/0": ["x", "y"]}}]},
]
BAD: list[dict[str, Any]] = [
    {"extra": "x"},
    {"schema": "mlpack-policy/2"},
    {"schema": None},
    {"id": None},
    {"version": None},
    {"id": ""},
    {"id": "a" * 200},
    {"signers": []},
    {"signers": None},
    {"signers": [{"name": "release"}]},
    {"signers": [{"name": "release", "key": ""}]},
    {"signers": [{"name": "release", "key": "x", "identity": "y"}]},
    {"signers": {"name": "release", "key": "x"}},
    {"name": ""},
    {"name": "Churn"},
    {"name": "a" * 65},
    {"name": "a--b"},
    {"formats": []},
    {"formats": ["pickle"]},
    {"formats": ["onnx", "onnx"]},
    {"formats": "onnx"},
    {"pins": ["ab" * 32]},
    {"pins": [DIGEST, DIGEST]},
    {"expires": "tomorrow"},
    {"expires": "2027-1-31"},
    {"expires": "2027-01-31T10:00:00"},
    {"expires": "2027-01-31 10:00:00Z"},
    {"expires": "٢٠٢٧-01-31"},
    {"expires": {"when": "both"}},
    {"expires": {"at": "2027-01-31", "when": "never"}},
    {"expires": {"at": "2027-01-31", "after": "x"}},
    {"attesters": [{"name": "a"}]},
    {"threshold": {"k": "0", "of": ["release"]}},
    {"threshold": {"k": "1", "of": []}},
    {"threshold": {"k": "1"}},
    {"threshold": {"k": "1", "of": ["release"], "at": "x"}},
    {"grandfathered": ["file:sha256:" + "ab" * 32]},
    {"grandfathered": [DIGEST, DIGEST]},
    {"format_major": "01"},
    {"minimum_version": ""},
    {"minimum_age": {"days": "0"}},
    {"minimum_age": {"days": "36501"}},
    {"minimum_age": {"days": "3", "hours": "1"}},
    {"evidence": {"parity": "perfect"}},
    {"evidence": {"speed": "x"}},
    {"allow_code": "release"},
    {"licenses": {}},
    {"licenses": {"allow": []}},
    {"licenses": {"allow": ["MIT", "MIT"]}},
    {"licenses": {"allow": ["MIT"], "unknown": "maybe"}},
    {"licenses": {"allow": ["MIT"], "prefer": ["MIT"]}},
    {"vulnerabilities": {"database": "/var/osv.zip"}},
    {"vulnerabilities": {"database": "", "maximum_age": "7"}},
    {"vulnerabilities": {"database": "/x", "maximum_age": "7", "severity": "mild"}},
    {"vulnerabilities": {"database": "/x", "maximum_age": "7", "fail_open": "true"}},
    {"vulnerabilities": {"database": "/x", "maximum_age": "7", "accept": [{"id": "CVE-1"}]}},
    {"revoked": [{"bundle": "ab" * 32, "reason": "wrong"}]},
    {"revoked": [{"bundle": DIGEST}]},
    {"revoked": [{"reason": "wrong"}]},
    {"revoked": [{"bundle": DIGEST, "serial": "ab", "reason": "wrong"}]},
    {"revoked": [{"serial": "AB", "reason": "wrong"}]},
    {"revoked": [{"serial": "ab", "reason": " "}]},
    {"require": [{"signer": "release"}]},
    {"require": [{"type": "a b"}]},
    {"require": [{"type": "vsa", "absent": "true"}]},
    {"require": [{"type": "vsa", "fields": {"result": "x"}}]},
    {"require": [{"type": "vsa", "fields": {"/result": []}}]},
    {"requires": []},
]


def sample(changes: dict[str, Any], public: PublicKey) -> dict[str, Any]:
    document = {**HEAD, "signers": [{"name": "release", "key": public.pem}], **changes}
    return {key: value for key, value in document.items() if value is not None}


def schema_accepts(document: dict[str, Any]) -> bool:
    from jsonschema_rs import validator_for

    schema = json.loads(files("mlpack.trust").joinpath("schemas/policy.schema.json").read_text())
    return bool(validator_for(schema).is_valid(document))


def parser_accepts(document: dict[str, Any]) -> bool:
    try:
        Policy.from_text(json.dumps(document))
    except PolicyError:
        return False
    return True


@pytest.mark.parametrize("changes", GOOD)
def test_schema_and_parser_accept_the_same(public: PublicKey, changes: dict[str, Any]) -> None:
    document = sample(changes, public)
    assert (schema_accepts(document), parser_accepts(document)) == (True, True)


@pytest.mark.parametrize("changes", BAD)
def test_schema_and_parser_refuse_the_same(public: PublicKey, changes: dict[str, Any]) -> None:
    document = sample(changes, public)
    assert (schema_accepts(document), parser_accepts(document)) == (False, False)


def test_the_schema_knows_every_field_of_the_policy() -> None:
    schema = json.loads(files("mlpack.trust").joinpath("schemas/policy.schema.json").read_text())
    fields = set(Policy.__dataclass_fields__) - {"source", "sha256", "expires_when"}
    assert set(schema["properties"]) == fields


@pytest.mark.parametrize("text", ["", "[]", "just text", "a: &x 1", "\x00", "schema: mlpack-policy/1"])
def test_text_that_is_no_policy_is_a_policy_error(text: str) -> None:
    with pytest.raises(PolicyError):
        Policy.from_text(text)


def test_bytes_that_are_not_utf8_are_a_policy_error(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(PolicyError, match="UTF-8"):
        Policy.from_file(tmp_path / "policy.yaml")


def test_a_huge_policy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(PolicyError, match="more than"):
        Policy.from_file(tmp_path / "policy.yaml")


@pytest.mark.parametrize("key", ["missing.pub", "release.key", "''"])
def test_an_unusable_key_file_is_a_policy_error(tmp_path: Path, public: PublicKey, key: str) -> None:
    path = written(tmp_path, public, key=key)
    (tmp_path / "release.key").write_text("no key")
    with pytest.raises(PolicyError):
        Policy.from_file(path)


def test_an_impossible_date_is_refused(public: PublicKey) -> None:
    with pytest.raises(PolicyError, match="expires"):
        Policy.from_text(json.dumps(sample({"expires": "2027-02-30"}, public)))


def test_values_made_in_a_program_hash_by_content(public: PublicKey) -> None:
    assert Policy.from_key(public).sha256 == Policy.from_key(public.pem).sha256
    assert Policy.from_key(public).sha256 != Policy.from_key(public, name="churn").sha256


def test_unsigned_is_a_type_of_its_own() -> None:
    assert type(UNSIGNED) is Unsigned
    assert repr(UNSIGNED) == "mlpack.UNSIGNED"
    assert resolve_policy(UNSIGNED) is UNSIGNED


def test_the_argument_comes_first(home: Path, public: PublicKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLPACK_POLICY", "/nowhere")
    policy = Policy.from_key(public)
    assert resolve_policy(policy) is policy
    found = resolve_policy(written(home / "a", public))
    assert isinstance(found, Policy)
    assert found.source == str(home / "a" / "policy.yaml")


def test_the_environment_comes_second_as_a_path(
    home: Path, public: PublicKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(home / "a", public)
    written(home / ".config" / "mlpack", public)
    monkeypatch.setenv("MLPACK_POLICY", str(path))
    found = resolve_policy(None)
    assert isinstance(found, Policy)
    assert found.source == str(path)


@pytest.mark.usefixtures("home")
def test_the_environment_may_hold_the_text(public: PublicKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLPACK_POLICY", json.dumps(sample({}, public)))
    found = resolve_policy(None)
    assert isinstance(found, Policy)
    assert (found.source, found.signers[0].key) == ("MLPACK_POLICY", public)


def test_a_broken_environment_does_not_fall_back(
    home: Path, public: PublicKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(home / ".config" / "mlpack", public)
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    monkeypatch.setenv("MLPACK_POLICY", "/nowhere/policy.yaml")
    with pytest.raises(PolicyError, match="nowhere"):
        resolve_policy(None)


def test_a_person_may_have_a_policy_of_their_own(
    home: Path, public: PublicKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(home / ".config" / "mlpack", public)
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    found = resolve_policy(None)
    assert isinstance(found, Policy)
    assert found.source == str(path)


@pytest.mark.usefixtures("home")
def test_the_folder_follows_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "conf"))
    assert user_policy_path() == tmp_path / "conf" / "mlpack" / "policy.yaml"


def test_the_own_policy_is_refused_when_nobody_sits_there(
    home: Path, public: PublicKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(home / ".config" / "mlpack", public)
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(PolicyError, match="nobody sits"):
        resolve_policy(None)


def test_the_own_policy_is_refused_in_ci(
    home: Path, public: PublicKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(home / ".config" / "mlpack", public)
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(PolicyError, match="nobody sits"):
        resolve_policy(None)


@pytest.mark.usefixtures("home")
def test_no_policy_at_all_says_how_to_get_one() -> None:
    with pytest.raises(PolicyError, match="no policy") as caught:
        resolve_policy(None)
    assert "MLPACK_POLICY" in caught.value.hint


def test_another_type_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="int"):
        resolve_policy(7)  # type: ignore[arg-type]


def test_a_pinned_policy_must_have_that_hash(
    home: Path, public: PublicKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home / "policy.yaml"
    path.write_text(json.dumps(sample({}, public)))
    monkeypatch.setenv("MLPACK_POLICY_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    assert isinstance(resolve_policy(path), Policy)
    path.write_text(json.dumps(sample({"name": "churn"}, public)))
    with pytest.raises(PolicyError, match="MLPACK_POLICY_SHA256"):
        resolve_policy(path)


def test_a_pinned_policy_must_hold_its_keys(
    home: Path, public: PublicKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(home / "a", public)
    monkeypatch.setenv("MLPACK_POLICY_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(PolicyError, match="must hold its keys"):
        resolve_policy(path)
