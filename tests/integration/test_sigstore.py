"""Keyless signatures from end to end: made with services on this machine, verified without any network."""

from __future__ import annotations

import base64
import datetime as dt
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.authorities import Authority, new_authority
from tests.local_sigstore import WHO, LocalSigstore

from mlpack.errors import SigningError, UntrustedSignerError, VerificationError
from mlpack.trust.accepting import accept_signer
from mlpack.trust.certificate_signer import CertificateSigner
from mlpack.trust.certificates import Roots
from mlpack.trust.envelope import parse_envelope
from mlpack.trust.identities import CiRule
from mlpack.trust.keys import KeySigner
from mlpack.trust.oms import IGNORED
from mlpack.trust.policy import Policy
from mlpack.trust.signer_rules import SignerRule
from mlpack.trust.signing import sign
from mlpack.trust.sigstore_signing import SigstoreSigner
from mlpack.trust.timestamp_request import request_timestamp
from mlpack.trust.trusted_root import TrustedRoot
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]
GITHUB = "https://token.actions.githubusercontent.com"
WORKFLOW = "https://github.com/acme/models/.github/workflows/release.yml@refs/heads/main"


@pytest.fixture(scope="module", params=["v1", "v2"])
def rekor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def signed(
    sigstore: LocalSigstore, rekor: str, tmp_path_factory: pytest.TempPathFactory, make_bundle: MakeBundle
) -> Path:
    """Return a signed bundle that tests only read."""
    bundle = make_bundle(tmp_path_factory.mktemp("signed"))
    sign(bundle, SigstoreSigner(sigstore.token(), sigstore.config(rekor)))
    return bundle


@pytest.fixture
def bundle(signed: Path, tmp_path: Path, make_bundle: MakeBundle) -> Path:
    """Return a signed bundle that a test may damage."""
    copy = make_bundle(tmp_path)
    (copy / "model.sig").write_bytes((signed / "model.sig").read_bytes())
    return copy


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("verification went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def policy(sigstore: LocalSigstore, identity: str = WHO, issuer: str = "", **more: Any) -> Policy:  # noqa: ANN401
    root = TrustedRoot.from_file(sigstore.root)
    return Policy.from_identity(identity, issuer or sigstore.url, trusted_root=root, **more)


def refusal(bundle: Path, rules: Policy) -> str:
    with pytest.raises(VerificationError) as caught:
        verify(bundle, rules)
    return caught.value.code


def changed(bundle: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    document = json.loads((bundle / "model.sig").read_bytes())
    change(document)
    (bundle / "model.sig").write_text(json.dumps(document))
    return bundle


@pytest.mark.usefixtures("no_network")
def test_what_was_signed_verifies_offline(signed: Path, sigstore: LocalSigstore) -> None:
    signer = verify(signed, policy(sigstore)).signer
    assert signer is not None
    assert (signer.identity, signer.issuer) == (WHO, sigstore.url)
    assert signer.time is not None


def test_sigstore_js_accepts_our_signature(signed: Path, sigstore: LocalSigstore) -> None:
    assert sigstore.javascript_accepts(signed / "model.sig", WHO, sigstore.url)


def test_sigstore_js_sees_another_identity(signed: Path, sigstore: LocalSigstore) -> None:
    assert not sigstore.javascript_accepts(signed / "model.sig", WHO + "x", sigstore.url)


def test_a_pattern_stands_for_one_part(signed: Path, sigstore: LocalSigstore) -> None:
    assert verify(signed, policy(sigstore, "https://ci.example/*/models")).signer is not None
    assert refusal(signed, policy(sigstore, "https://ci.example/*")) == "identity-mismatch"


def test_another_identity_is_refused(signed: Path, sigstore: LocalSigstore) -> None:
    assert refusal(signed, policy(sigstore, WHO + "x")) == "identity-mismatch"


def test_another_issuer_is_refused(signed: Path, sigstore: LocalSigstore) -> None:
    assert refusal(signed, policy(sigstore, issuer=sigstore.url + "/x")) == "issuer-mismatch"


def test_the_public_sigstore_does_not_vouch_for_a_private_one(signed: Path, sigstore: LocalSigstore) -> None:
    with pytest.raises(VerificationError):
        verify(signed, Policy.from_identity(WHO, sigstore.url))


def test_a_changed_file_is_refused(bundle: Path, sigstore: LocalSigstore) -> None:
    (bundle / "README.md").write_text("changed")
    assert refusal(bundle, policy(sigstore)) == "content-mismatch"


def test_a_changed_statement_is_refused(bundle: Path, sigstore: LocalSigstore) -> None:
    def change(document: dict[str, Any]) -> None:
        envelope = document["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"]).replace(b"churn-1.2.0", b"churn-1.2.1")
        envelope["payload"] = base64.b64encode(payload).decode()

    assert refusal(changed(bundle, change), policy(sigstore)) == "signature-invalid"


def test_a_stripped_log_entry_is_refused(bundle: Path, sigstore: LocalSigstore) -> None:
    changed(bundle, lambda document: document["verificationMaterial"].update(tlogEntries=[]))
    assert refusal(bundle, policy(sigstore)) == "signature-invalid"


def test_a_log_entry_of_another_signature_is_refused(
    bundle: Path, sigstore: LocalSigstore, rekor: str, tmp_path: Path, make_bundle: MakeBundle
) -> None:
    (tmp_path / "other").mkdir()
    other = make_bundle(tmp_path / "other", version="9.9.9")
    sign(other, SigstoreSigner(sigstore.token(), sigstore.config(rekor)))
    entries = json.loads((other / "model.sig").read_bytes())["verificationMaterial"]["tlogEntries"]
    changed(bundle, lambda document: document["verificationMaterial"].update(tlogEntries=entries))
    assert refusal(bundle, policy(sigstore)) == "log-mismatch"


@pytest.mark.parametrize("part", ["rootHash", "checkpoint", "canonicalizedBody"])
def test_a_damaged_log_entry_is_refused(bundle: Path, sigstore: LocalSigstore, part: str) -> None:
    def change(document: dict[str, Any]) -> None:
        entry = document["verificationMaterial"]["tlogEntries"][0]
        if part == "checkpoint":
            entry["inclusionProof"]["checkpoint"]["envelope"] = (
                "x" + entry["inclusionProof"]["checkpoint"]["envelope"]
            )
        elif part == "rootHash":
            entry["inclusionProof"]["rootHash"] = base64.b64encode(bytes(32)).decode()
        else:
            body = base64.b64decode(entry[part]).replace(b'"kind"', b'"kinb"')
            entry[part] = base64.b64encode(body).decode()

    assert refusal(changed(bundle, change), policy(sigstore)) == "log-invalid"


def test_a_timestamp_of_another_signature_is_refused(bundle: Path, sigstore: LocalSigstore) -> None:
    other = request_timestamp(f"{sigstore.url}/api/v1/timestamp", b"another signature")
    stamps = {"rfc3161Timestamps": [{"signedTimestamp": base64.b64encode(other).decode()}]}
    changed(
        bundle, lambda document: document["verificationMaterial"].update(timestampVerificationData=stamps)
    )
    assert refusal(bundle, policy(sigstore)) == "timestamp-invalid"


def test_without_any_time_nothing_is_verified(bundle: Path, sigstore: LocalSigstore) -> None:
    def strip(document: dict[str, Any]) -> None:
        material = document["verificationMaterial"]
        material.pop("timestampVerificationData")
        material["tlogEntries"][0].pop("inclusionPromise", None)

    assert refusal(changed(bundle, strip), policy(sigstore)) == "no-trusted-time"


def test_a_time_that_the_log_did_not_sign_is_refused(
    bundle: Path, sigstore: LocalSigstore, rekor: str
) -> None:
    def change(document: dict[str, Any]) -> None:
        material = document["verificationMaterial"]
        material.pop("timestampVerificationData")
        entry = material["tlogEntries"][0]
        moment = int(entry.get("integratedTime", int(time.time())))
        entry["integratedTime"] = str(moment + 1)
        entry.setdefault("inclusionPromise", {"signedEntryTimestamp": base64.b64encode(b"x" * 70).decode()})

    assert refusal(changed(bundle, change), policy(sigstore)) == "log-invalid", rekor


def test_a_duplicated_key_is_refused(bundle: Path, sigstore: LocalSigstore) -> None:
    text = (bundle / "model.sig").read_text()
    (bundle / "model.sig").write_text('{"mediaType": "x", ' + text[1:])
    assert refusal(bundle, policy(sigstore)) == "signature-invalid"


def test_a_bare_key_does_not_replace_the_certificate(bundle: Path, sigstore: LocalSigstore) -> None:
    material = {"publicKey": {"hint": "x"}}
    changed(bundle, lambda document: document.update(verificationMaterial=material))
    assert refusal(bundle, policy(sigstore)) == "untrusted-signer"


def test_an_end_of_acceptance_is_judged_by_trusted_time(signed: Path, sigstore: LocalSigstore) -> None:
    signer = verify(signed, policy(sigstore)).signer
    assert signer is not None
    root = TrustedRoot.from_file(sigstore.root)
    values: dict[str, Any] = {"name": "ci", "identity": WHO, "issuer": sigstore.url, "trusted_root": root}
    late = Policy(id="p", signers=(SignerRule(**values, accept_signed_before=signer.time),))
    assert refusal(signed, late) == "signed-too-late"
    early = Policy(id="p", signers=(SignerRule(**values, accept_signed_after=signer.time),))
    assert verify(signed, early).signer is not None


def paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the place of every text in a JSON document."""
    if isinstance(value, dict):
        return [place for key, item in value.items() for place in paths(item, (*path, key))]
    if isinstance(value, list):
        return [place for at, item in enumerate(value) for place in paths(item, (*path, at))]
    return [path]


def test_whatever_is_broken_only_verification_errors_leave(signed: Path, sigstore: LocalSigstore) -> None:
    """Break each text of the signature in several ways; a part that proves nothing may break unseen."""
    document = json.loads((signed / "model.sig").read_bytes())
    rules = policy(sigstore).signers
    random = Random(4)  # noqa: S311  (the same breaks in every run)
    unseen: list[tuple[str | int, ...]] = []
    for place in paths(document):
        for _ in range(6):
            broken = json.loads(json.dumps(document))
            holder = broken
            for step in place[:-1]:
                holder = holder[step]
            holder[place[-1]] = _broken(holder[place[-1]], random)
            try:
                accept_signer(parse_envelope(json.dumps(broken).encode()), rules)
            except VerificationError:
                continue
            unseen.append(place)
    assert {place[-1] for place in unseen} <= {"keyId", "logIndex", "signedTimestamp"}


def _broken(text: str, random: Random) -> str:
    try:
        data = bytearray(base64.b64decode(text, validate=True))
    except ValueError:
        data = bytearray()
    if not data:
        return text[:-1] + chr(ord(text[-1]) ^ 1)
    for _ in range(random.choice((1, 1, 20))):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return base64.b64encode(bytes(data[: random.choice((len(data), len(data) // 2 + 1))])).decode()


# Certificates that end soon.


def test_a_timestamp_outlives_the_certificate(
    sigstore: LocalSigstore, tmp_path: Path, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle(tmp_path)
    sign(bundle, SigstoreSigner(sigstore.token(seconds_left=4), sigstore.config("v2")))
    original = (bundle / "model.sig").read_bytes()
    time.sleep(5)
    assert verify(bundle, policy(sigstore)).signer is not None

    signature = base64.b64decode(json.loads(original)["dsseEnvelope"]["signatures"][0]["sig"])
    late = base64.b64encode(request_timestamp(f"{sigstore.url}/api/v1/timestamp", signature)).decode()
    stamps = {"rfc3161Timestamps": [{"signedTimestamp": late}]}
    changed(
        bundle, lambda document: document["verificationMaterial"].update(timestampVerificationData=stamps)
    )
    assert refusal(bundle, policy(sigstore)) == "certificate-expired"

    changed(bundle, lambda document: document["verificationMaterial"].pop("timestampVerificationData"))
    assert refusal(bundle, policy(sigstore)) == "no-trusted-time"


# Who may sign.


def test_a_forged_token_signs_nothing(
    sigstore: LocalSigstore, tmp_path: Path, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle(tmp_path)
    with pytest.raises(SigningError) as caught:
        sign(bundle, SigstoreSigner(sigstore.ask("forge", {"sub": WHO}), sigstore.config()))
    assert caught.value.code == "keyless-refused"
    assert not (bundle / "model.sig").exists()


@pytest.mark.parametrize("token", ["x", "a.b.c", "."])
def test_what_is_no_token_is_refused(sigstore: LocalSigstore, token: str) -> None:
    with pytest.raises(SigningError, match="identity"):
        SigstoreSigner(token, sigstore.config()).announcement()


def test_a_service_that_is_down_is_one_clear_error(
    sigstore: LocalSigstore, tmp_path: Path, make_bundle: MakeBundle
) -> None:
    config = sigstore.config().read_text().replace(sigstore.url, "http://127.0.0.1:9")
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(SigningError):
        sign(make_bundle(tmp_path), SigstoreSigner(sigstore.token(), tmp_path / "config.json"))


@pytest.fixture
def ambient(sigstore: LocalSigstore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{sigstore.url}/ambient?x=1")


@pytest.mark.usefixtures("ambient")
def test_a_ci_job_signs_as_its_workflow(
    sigstore: LocalSigstore, tmp_path: Path, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle(tmp_path)
    signer = SigstoreSigner(trust_config=sigstore.config())
    assert ("identity", WORKFLOW) in signer.announcement()
    sign(bundle, signer)
    rule = CiRule(
        repository_id="4711", ref="refs/heads/*", workflow=".github/workflows/release.yml", triggers=("push",)
    )
    assert verify(bundle, policy(sigstore, WORKFLOW, GITHUB, github=rule)).signer is not None
    assert (
        refusal(bundle, policy(sigstore, WORKFLOW, GITHUB, github=CiRule(repository_id="1")))
        == "ci-job-denied"
    )


@pytest.mark.parametrize(
    "claims",
    [
        {"event_name": "pull_request"},
        {"event_name": "pull_request_target"},
        {"runner_environment": "self-hosted"},
    ],
)
def test_outsiders_jobs_are_denied_by_default(
    sigstore: LocalSigstore, tmp_path: Path, make_bundle: MakeBundle, claims: dict[str, str]
) -> None:
    job = {
        "iss": GITHUB,
        "san": WORKFLOW,
        "event_name": "push",
        "runner_environment": "github-hosted",
        **claims,
    }
    bundle = make_bundle(tmp_path)
    sign(bundle, SigstoreSigner(sigstore.token(**job), sigstore.config()))
    assert refusal(bundle, policy(sigstore, WORKFLOW, GITHUB)) == "ci-job-denied"
    allowed = CiRule(triggers=(job["event_name"],), self_hosted=True)
    assert verify(bundle, policy(sigstore, WORKFLOW, GITHUB, github=allowed)).signer is not None


# The command.


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "mlpack"), *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL
    )


def test_the_command_shows_what_becomes_public_and_asks(
    sigstore: LocalSigstore, tmp_path: Path, make_bundle: MakeBundle
) -> None:
    bundle = make_bundle(tmp_path)
    (tmp_path / "token").write_text(sigstore.token())
    words = ("sign", bundle, "--identity-token", tmp_path / "token", "--trust-config", sigstore.config())
    asked = run(*words)
    assert (asked.returncode, "--yes" in asked.stderr, WHO in asked.stderr) == (2, True, True)
    assert not (bundle / "model.sig").exists()
    assert run(*words, "--yes").returncode == 0
    who = ("--certificate-identity", WHO, "--certificate-oidc-issuer", sigstore.url)
    shown = run("verify", bundle, *who, "--trusted-root", sigstore.root)
    assert (shown.returncode, "trusted time" in shown.stdout) == (0, True), shown.stderr
    assert run("verify", bundle, *who[:2]).returncode == 2


def test_no_identity_is_no_signature(sigstore: LocalSigstore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SigningError, match="nobody sits"):
        SigstoreSigner(trust_config=sigstore.config()).announcement()


def test_a_signer_without_an_identity_rule_is_not_asked(signed: Path, tmp_path: Path) -> None:
    from mlpack.trust.keys import generate_key

    with pytest.raises(UntrustedSignerError):
        verify(signed, Policy.from_key(generate_key(tmp_path / "k", password=None)[1]))


# Private certificates with trusted time.


def certified(sigstore: LocalSigstore, authority: Authority, end: dt.datetime) -> bytes:
    leaf = authority.issue(end=end)
    signer = CertificateSigner(
        KeySigner(leaf.key), [leaf.der], timestamp_url=f"{sigstore.url}/api/v1/timestamp"
    )
    return signer.seal(b"{}")


def test_a_timestamp_outlives_a_private_certificate_too(sigstore: LocalSigstore) -> None:
    authority = new_authority()
    sealed = certified(sigstore, authority, dt.datetime.now(dt.UTC) + dt.timedelta(seconds=3))
    time.sleep(4)
    values: dict[str, Any] = {"name": "hsm", "roots": Roots(pem=authority.pem.decode()), "subject": "release"}
    trusting = SignerRule(**values, trusted_root=TrustedRoot.from_file(sigstore.root))
    assert accept_signer(parse_envelope(sealed), [trusting]).time is not None
    with pytest.raises(UntrustedSignerError) as caught:
        accept_signer(parse_envelope(sealed), [SignerRule(**values)])
    assert caught.value.code == "certificate-expired"


def test_a_timestamp_by_nobody_is_refused(sigstore: LocalSigstore) -> None:
    authority = new_authority()
    sealed = certified(sigstore, authority, dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
    rule = SignerRule(
        name="hsm", roots=Roots(pem=authority.pem.decode()), subject="release", trusted_root="public-good"
    )
    with pytest.raises(VerificationError) as caught:
        accept_signer(parse_envelope(sealed), [rule])
    assert caught.value.code == "timestamp-invalid"


# The reference implementation of OpenSSF Model Signing.


def test_their_library_verifies_our_keyless_signature(
    signed: Path, sigstore: LocalSigstore, rekor: str
) -> None:
    verifying = pytest.importorskip("model_signing.verifying")
    config = verifying.Config().use_sigstore_verifier(
        identity=WHO, oidc_issuer=sigstore.url, trust_config=sigstore.config(rekor)
    )
    config.verify(signed, signed / "model.sig")


def test_we_verify_their_keyless_signature(
    sigstore: LocalSigstore, rekor: str, tmp_path: Path, make_bundle: MakeBundle
) -> None:
    hashing = pytest.importorskip("model_signing.hashing")
    signing = pytest.importorskip("model_signing.signing")
    bundle = make_bundle(tmp_path)
    ours = [path for path in IGNORED if not path.startswith(".git")]
    signer = signing.Config().use_sigstore_signer(
        identity_token=sigstore.token(), trust_config=sigstore.config(rekor)
    )
    signer.set_hashing_config(hashing.Config().set_ignored_paths(paths=ours, ignore_git_paths=True))
    signer.sign(bundle, bundle / "model.sig")
    assert verify(bundle, policy(sigstore)).signer is not None
