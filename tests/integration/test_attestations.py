"""Attestations end to end: written by one command, asked for by another, in folders and archives alike."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from mlpack._cli.main import main
from mlpack.errors import PolicyViolationError, SigningError, UsageError, VerificationError
from mlpack.format.names import ATTESTATIONS
from mlpack.format.opening import inspect
from mlpack.format.tree import open_tree
from mlpack.trust.attestation import build_attestation
from mlpack.trust.attesting import MAX_ATTESTATIONS, attest, countersign
from mlpack.trust.envelope import seal
from mlpack.trust.keys import KeySigner, generate_key
from mlpack.trust.policy import Policy, SignerRule
from mlpack.trust.predicates import cyclonedx, parity_result, verification_summary
from mlpack.trust.provenance import slsa_provenance
from mlpack.trust.rules import Require
from mlpack.trust.signing import sign
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]
PROVENANCE = "https://slsa.dev/provenance/v1"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("release", "ci"):
        generate_key(folder / name)
    return folder


@pytest.fixture(scope="module")
def release(keys: Path) -> KeySigner:
    return KeySigner.from_file(keys / "release.key")


@pytest.fixture(scope="module")
def ci(keys: Path) -> KeySigner:
    return KeySigner.from_file(keys / "ci.key")


@pytest.fixture(params=["directory", "archive"])
def bundle(
    request: pytest.FixtureRequest, tmp_path: Path, make_bundle: MakeBundle, release: KeySigner
) -> Path:
    layout: Literal["directory", "archive"] = request.param
    path = make_bundle(tmp_path, layout=layout)
    sign(path, release)
    return path


@pytest.fixture
def policy(release: KeySigner, ci: KeySigner) -> Policy:
    """Only `release` signs bundles; `ci` attests."""
    return Policy(
        id="prod",
        signers=(SignerRule(name="release", key=release.public_key),),
        attesters=(SignerRule(name="ci", key=ci.public_key),),
    )


def files(path: Path) -> dict[str, bytes]:
    with open_tree(path) as tree:
        return {name: tree.read(name, 1 << 30) for name in tree.entries}


def test_an_attestation_changes_neither_digest_nor_signature(bundle: Path, ci: KeySigner) -> None:
    before, digest = files(bundle), inspect(bundle).digest
    name = attest(bundle, {"a": 1}, ci, type="https://x.org/t")
    after = files(bundle)
    data = after.pop(name)
    assert (after, inspect(bundle).digest) == (before, digest)
    assert name == f"{ATTESTATIONS}{hashlib.sha256(data).hexdigest()}.sigstore.json"


def test_its_subject_is_a_real_file(bundle: Path, ci: KeySigner) -> None:
    name = attest(bundle, {"a": 1}, ci, type="test-result")
    data = files(bundle)[name]
    statement = json.loads(base64.b64decode(json.loads(data)["dsseEnvelope"]["payload"]))
    sums = hashlib.sha256(files(bundle)["SHA256SUMS"]).hexdigest()
    assert statement == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "SHA256SUMS", "digest": {"sha256": sums}}],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {"a": 1},
    }


def test_several_attestations_stand_beside_one_another(bundle: Path, ci: KeySigner, policy: Policy) -> None:
    names = {attest(bundle, {"a": number}, ci, type="https://x.org/t") for number in range(3)}
    found = verify(bundle, policy).attestations
    assert {item.path for item in found if item.counts} == names
    assert {item.signer.name for item in found if item.signer is not None} == {"ci"}


def test_a_required_attestation_is_found(bundle: Path, ci: KeySigner, policy: Policy) -> None:
    attest(bundle, slsa_provenance(inspect(bundle), environment={}), ci, type="slsa-provenance")
    local = ("/runDetails/builder/id", ("urn:mlpack:builder:local-unverified",))
    need = Require(type=PROVENANCE, signers=("ci",), fields=(local,))
    verify(bundle, dataclasses.replace(policy, require=(need,)))


def test_an_attestation_about_another_bundle_does_not_count(
    bundle: Path, ci: KeySigner, policy: Policy, tmp_path: Path, make_bundle: MakeBundle
) -> None:
    other = make_bundle(tmp_path / "other", version="9.0.0")
    data = seal(build_attestation(inspect(other).digest, PROVENANCE, {}), ci)
    put(bundle, data)
    (found,) = verify(bundle, policy).attestations
    assert found.problem == "statement.subject: not about this bundle"


def put(bundle: Path, data: bytes) -> str:
    """Put any bytes among the attestations, as somebody who can write there would."""
    from mlpack.format.writer import write_copy

    name = f"{ATTESTATIONS}{hashlib.sha256(data).hexdigest()}.sigstore.json"
    if bundle.is_dir():
        (bundle / name).parent.mkdir(exist_ok=True)
        (bundle / name).write_bytes(data)
        return name
    with open_tree(bundle) as tree:
        write_copy(
            tree,
            inspect(bundle).manifest.folder,
            bundle,
            added={name: data},
            layout="archive",
            overwrite=True,
        )
    return name


def sealed(signer: KeySigner, statement: object) -> bytes:
    return seal(json.dumps(statement).encode(), signer)


def broken(bundle: Path, ci: KeySigner) -> list[bytes]:
    """Return attestations that must not count, each for another reason."""
    digest = inspect(bundle).digest
    good = json.loads(build_attestation(digest, PROVENANCE, {"a": 1}))
    whole = json.loads(sealed(ci, good))
    twice = json.loads(json.dumps(whole))
    twice["dsseEnvelope"]["signatures"] *= 2
    changed = json.loads(json.dumps(whole))
    changed["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps({**good, "x": 1}).encode()).decode()
    return [
        b"{}",
        b"[]",
        json.dumps(twice).encode(),
        json.dumps(changed).encode(),
        sealed(ci, [good]),
        sealed(ci, {**good, "_type": "https://in-toto.io/Statement/v0.1"}),
        sealed(ci, {**good, "extra": 1}),
        sealed(ci, {**good, "subject": []}),
        sealed(ci, {**good, "subject": [{"name": "model.sig", "digest": good["subject"][0]["digest"]}]}),
        sealed(ci, {**good, "subject": [{"name": "SHA256SUMS", "digest": "x"}]}),
        sealed(ci, {**good, "subject": {"name": "SHA256SUMS"}}),
        sealed(ci, {**good, "predicate": [1]}),
        sealed(ci, {**good, "predicateType": 7}),
        sealed(ci, {**good, "predicateType": "https://model_signing/signature/v1.0"}),
        seal(b'{"_type": "x", "_type": "y"}', ci),
        seal(b"[" * 100_000, ci),
        seal(b"\xff", ci),
    ]


def test_broken_attestations_neither_help_nor_harm(bundle: Path, ci: KeySigner, policy: Policy) -> None:
    for data in broken(bundle, ci):
        put(bundle, data)
    found = verify(bundle, policy).attestations
    assert len(found) == 17
    assert [item.path for item in found if item.counts] == []
    with pytest.raises(PolicyViolationError, match="no such attestation"):
        verify(bundle, dataclasses.replace(policy, require=(Require(type=PROVENANCE),)))


def test_nothing_is_parsed_before_the_signature_has_been_checked(
    bundle: Path, ci: KeySigner, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = dataclasses.replace(policy, attesters=())
    attest(bundle, {"a": 1}, ci, type=PROVENANCE)

    def parse(*_: object) -> None:
        raise AssertionError("a stranger's statement was parsed")

    monkeypatch.setattr("mlpack.trust.attestation._parse", parse)
    (found,) = verify(bundle, stranger).attestations
    assert not found.counts


def test_a_bundle_carries_only_so_many(tmp_path: Path, make_bundle: MakeBundle, ci: KeySigner) -> None:
    path = make_bundle(tmp_path)
    for number in range(MAX_ATTESTATIONS):
        put(path, b"%d" % number)
    with pytest.raises(SigningError, match="no more are allowed"):
        attest(path, {}, ci, type=PROVENANCE)


def test_a_bundle_that_nobody_signed_cannot_be_countersigned(
    tmp_path: Path, make_bundle: MakeBundle, ci: KeySigner
) -> None:
    with pytest.raises(SigningError, match="not signed yet"):
        countersign(make_bundle(tmp_path), ci)


@pytest.mark.parametrize("kind", ["", "provenance", "a b:c", "https://model_signing/signature/v1.0"])
def test_a_predicate_type_is_a_known_word_or_a_uri(bundle: Path, ci: KeySigner, kind: str) -> None:
    with pytest.raises(UsageError):
        attest(bundle, {}, ci, type=kind)


# ---------------------------------------------------------------------------------------------- predicates


GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://git.example",
    "GITHUB_REPOSITORY": "acme/churn",
    "GITHUB_SHA": "ab" * 20,
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_RUN_ID": "7",
    "GITHUB_WORKFLOW_REF": "acme/churn/.github/workflows/release.yml@refs/heads/main",
    "GITHUB_TOKEN": "secret",
}


def test_a_laptop_says_that_it_is_one(bundle: Path) -> None:
    document = slsa_provenance(inspect(bundle), environment={"USER": "ann", "GITHUB_SHA": "ab"})
    assert document["runDetails"]["builder"] == {"id": "urn:mlpack:builder:local-unverified"}
    assert document["runDetails"]["metadata"] == {}
    assert document["buildDefinition"]["internalParameters"] == {}
    assert "ann" not in json.dumps(document)


def test_a_build_service_is_named_from_a_fixed_list_of_variables(bundle: Path) -> None:
    document = slsa_provenance(inspect(bundle), environment=GITHUB)
    assert document["runDetails"]["builder"]["id"] == "https://git.example/" + GITHUB["GITHUB_WORKFLOW_REF"]
    assert document["buildDefinition"]["resolvedDependencies"][0] == {
        "uri": "git+https://git.example/acme/churn@refs/heads/main",
        "digest": {"gitCommit": "ab" * 20},
    }
    assert "secret" not in json.dumps(document)


def test_gitlab_is_known_too(bundle: Path) -> None:
    variables = {
        "GITLAB_CI": "true",
        "CI_PROJECT_URL": "https://lab.example/acme/churn",
        "CI_COMMIT_SHA": "cd" * 20,
        "CI_COMMIT_REF_NAME": "main",
        "CI_JOB_URL": "https://lab.example/acme/churn/-/jobs/1",
    }
    document = slsa_provenance(inspect(bundle), environment=variables)
    assert document["runDetails"]["metadata"]["invocationId"] == variables["CI_JOB_URL"]


def test_locked_packages_are_dependencies_with_digests(bundle: Path) -> None:
    document = slsa_provenance(inspect(bundle), environment={})
    assert document["buildDefinition"]["resolvedDependencies"] == [
        {"name": "numpy-2.4.0-py3-none-any.whl", "digest": {"sha256": "0" * 64}}
    ]


def test_a_test_result_names_the_evidence(bundle: Path) -> None:
    opened = inspect(bundle)
    document = parity_result(opened)
    assert (document["result"], document["passedTests"]) == ("PASSED", ["parity/predict: exact"])
    assert document["configuration"][0]["digest"]["sha256"] == opened.checksums["evidence/parity.json"]


def test_the_bom_is_the_bundles_own(bundle: Path) -> None:
    assert cyclonedx(inspect(bundle)) == {"bomFormat": "CycloneDX"}


def test_a_verification_summary_names_policy_and_attestations(
    bundle: Path, ci: KeySigner, policy: Policy
) -> None:
    name = attest(bundle, {}, ci, type=PROVENANCE)
    verified = verify(bundle, policy)
    document = verification_summary(verified, verifier="https://v.example", resource="oci://r.example/churn")
    assert document["policy"]["digest"] == {"sha256": policy.sha256}
    assert document["inputAttestations"] == [{"uri": name, "digest": {"sha256": name[13:77]}}]
    assert document["verifiedLevels"] == ["SLSA_BUILD_LEVEL_UNEVALUATED"]


# --------------------------------------------------------------------------------------------- command line


def written_policy(keys: Path, text: str = "") -> str:
    path = keys / "policy.yaml"
    path.write_text(
        "schema: mlpack-policy/1\nid: prod\nversion: 1\n"
        "signers:\n  - {name: release, key: release.pub}\n"
        "attesters:\n  - {name: ci, key: ci.pub}\n" + text
    )
    return str(path)


@pytest.mark.parametrize("kind", ["slsa-provenance", "cyclonedx", "test-result"])
def test_attest_and_require_on_the_command_line(
    bundle: Path, keys: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = written_policy(keys)
    assert main(["verify", str(bundle), "--policy", policy, "--require", f"{kind}=ci"]) == 3
    assert main(["attest", str(bundle), "--type", kind, "--key", str(keys / "ci.key")]) == 0
    assert main(["verify", str(bundle), "--policy", policy, "--require", f"{kind}=ci"]) == 0
    assert main(["verify", str(bundle), "--policy", policy, "--require", f"{kind}=release"]) == 3
    assert main(["verify", str(bundle), "--policy", policy, "--require", f"{kind}=nobody"]) == 2
    assert "attestations/" in capsys.readouterr().out


def test_a_verification_summary_on_the_command_line(bundle: Path, keys: Path) -> None:
    policy = written_policy(keys)
    line = ["attest", str(bundle), "--type", "vsa", "--key", str(keys / "ci.key"), "--policy", policy]
    assert main(line) == 2
    assert main([*line, "--verifier", "https://v.example", "--resource", "oci://r.example/churn"]) == 0
    assert main(["verify", str(bundle), "--policy", policy, "--require", "vsa"]) == 0


def test_a_predicate_file(bundle: Path, keys: Path, tmp_path: Path) -> None:
    line = ["attest", str(bundle), "--type", "svr", "--key", str(keys / "ci.key")]
    assert main(line) == 2
    (tmp_path / "p.json").write_text("[]")
    assert main([*line, "--predicate", str(tmp_path / "p.json")]) == 2
    (tmp_path / "p.json").write_text('{"verifier": {"id": "x"}}')
    assert main([*line, "--predicate", str(tmp_path / "p.json")]) == 0
    need = "require: [{type: svr, signer: ci, fields: {/verifier/id: x}}]\n"
    assert main(["verify", str(bundle), "--policy", written_policy(keys, need)]) == 0


def test_countersigning_on_the_command_line(
    bundle: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["sign", str(bundle), "--add", "--key", str(keys / "ci.key")]
    assert main([*line, "--overwrite"]) == 2
    assert main(line) == 0
    assert "countersigned" in capsys.readouterr().out
    assert main(["verify", str(bundle), "--key", str(keys / "ci.pub")]) == 0


def test_explain_prints_every_rule(bundle: Path, keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["attest", str(bundle), "--type", "cyclonedx", "--key", str(keys / "ci.key")])
    capsys.readouterr()
    policy = written_policy(keys, "evidence: {parity: tight}\nminimum_version: 1.0.0\n")
    assert main(["verify", str(bundle), "--policy", policy, "--explain"]) == 0
    out = capsys.readouterr().out
    for word in ("signed files", "evidence.parity", "(claimed)", "minimum_version", "present, not evaluated"):
        assert word in out


def test_json_explains_a_refusal_too(bundle: Path, keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = written_policy(keys, "name: fraud\nminimum_age: {days: 3}\n")
    assert main(["verify", str(bundle), "--policy", policy, "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    rows: list[list[Any]] = document["sections"][0]["table"]["rows"]
    found = {row[0]: row[1] for row in rows}
    assert (found["signer"], found["name"], found["minimum_age"]) == ("pass", "fail", "not assessed")


def test_a_refusal_carries_its_verdict(bundle: Path, policy: Policy) -> None:
    with pytest.raises(VerificationError) as caught:
        verify(bundle, dataclasses.replace(policy, name="fraud"))
    assert ("name", "fail") in [row[:2] for row in caught.value.verdict]
    assert ("contents", "pass") in [row[:2] for row in caught.value.verdict]
