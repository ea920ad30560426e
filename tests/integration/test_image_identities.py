"""Images signed by identities and certificates: cosign and we verify each other's, and bad ones fall."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from tests.authorities import Authority, new_authority
from tests.local_sigstore import WHO, LocalSigstore
from tests.registries import digests, push_image, serve

from mlpack._cli.main import main
from mlpack.delivery.image_evidence import collect_evidence
from mlpack.delivery.images import SignatureFormat, attest_image, sign_image, verify_image
from mlpack.errors import SigningError, VerificationError
from mlpack.oci.references import parse_reference
from mlpack.oci.stores import open_store
from mlpack.trust.certificate_signer import CertificateSigner
from mlpack.trust.images import ImageEvidence, LegacySignature, check_image
from mlpack.trust.policy import Policy
from mlpack.trust.rules import MinimumAge, Require, Revocation, Threshold
from mlpack.trust.signer_rules import SignerRule
from mlpack.trust.sigstore_signing import SigstoreSigner
from mlpack.trust.trusted_root import TrustedRoot

SBOM = "https://cyclonedx.org/bom"
SAN = "https://acme.example/release"
Cosign = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    found, process = serve(tmp_path_factory.mktemp("registry"), {})
    yield found
    process.kill()
    process.wait()


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no-docker"))


@pytest.fixture(scope="module")
def root(sigstore: LocalSigstore) -> TrustedRoot:
    return TrustedRoot.from_file(sigstore.root)


def policy(
    sigstore: LocalSigstore,
    identity: str = WHO,
    *,
    before: Any = None,  # noqa: ANN401  (a moment or nothing)
    **rules: Any,  # noqa: ANN401  (arguments of Policy)
) -> Policy:
    rule = SignerRule(
        name="ci",
        identity=identity,
        issuer=sigstore.url,
        trusted_root=TrustedRoot.from_file(sigstore.root),
        accept_signed_before=before,
    )
    return Policy(id="test", signers=(rule,), **rules)


def refusal(reference: str, rules: Policy, **more: Any) -> str:  # noqa: ANN401  (arguments of verify_image)
    with pytest.raises(VerificationError) as caught:
        verify_image(reference, rules, **more)
    return caught.value.code


def their_options(sigstore: LocalSigstore, form: str, who: str) -> tuple[str, ...]:
    """Return how cosign is told whom to trust."""
    new = "true" if form == "bundle" else "false"
    return (
        *("--trusted-root", str(sigstore.root), "--certificate-oidc-issuer", sigstore.url),
        *("--certificate-identity", who, f"--new-bundle-format={new}"),
    )


@pytest.mark.parametrize("rekor", ["v1", "v2"])
def test_cosign_verifies_what_an_identity_signed(
    run_cosign: Cosign, host: str, sigstore: LocalSigstore, rekor: str
) -> None:
    forms = {"bundle", "legacy"} if rekor == "v1" else {"bundle"}
    reference = push_image(host, f"keyless-{rekor}")
    signed = sign_image(reference, SigstoreSigner(sigstore.token(), sigstore.config(rekor)))
    assert {frozenset(item.added) for item in signed.manifests} == {frozenset(forms)}
    for place in digests(reference):
        found = verify_image(place, policy(sigstore)).signatures
        assert {item.form for item in found} == forms
        assert all(item.signer.time is not None for item in found)
        for form in forms:
            for who, good in ((WHO, True), (WHO + "x", False)):
                done = run_cosign(sigstore.folder, "verify", *their_options(sigstore, form, who), place)
                assert (done.returncode == 0) is good, done.stderr


def test_an_identity_signs_once(host: str, sigstore: LocalSigstore) -> None:
    reference = push_image(host, "keyless-once")
    for expected in ({("bundle", "legacy")}, {()}):
        signed = sign_image(reference, SigstoreSigner(sigstore.token(), sigstore.config("v1")))
        assert {item.added for item in signed.manifests} == expected


@pytest.mark.parametrize("form", ["bundle", "legacy"])
def test_another_identity_issuer_or_root_is_refused(
    host: str, sigstore: LocalSigstore, root: TrustedRoot, form: SignatureFormat
) -> None:
    reference = push_image(host, f"keyless-wrong-{form}")
    sign_image(reference, SigstoreSigner(sigstore.token(), sigstore.config("v1")), signature_format=form)
    assert refusal(reference, policy(sigstore, WHO + "x")) == "identity-mismatch"
    other = Policy.from_identity(WHO, sigstore.url + "1", trusted_root=root)
    assert refusal(reference, other) == "issuer-mismatch"
    assert refusal(reference, Policy.from_identity(WHO, sigstore.url))  # the public Sigstore knows none of it
    # The same logs and time stampers, and another authority for certificates.
    document = json.loads(root.text)
    chain = document["certificateAuthorities"][0]["certChain"]["certificates"]
    chain[:] = [{"rawBytes": base64.b64encode(new_authority().der).decode()}]
    stranger = TrustedRoot(text=json.dumps(document))
    found = refusal(reference, Policy.from_identity(WHO, sigstore.url, trusted_root=stranger))
    assert found == "certificate-untrusted"


def test_what_only_rekor_v2_proves_has_no_legacy_form(host: str, sigstore: LocalSigstore) -> None:
    reference = push_image(host, "no-promise")
    for form in ("legacy", "both"):
        with pytest.raises(SigningError) as caught:
            sign_image(
                reference,
                SigstoreSigner(sigstore.token(), sigstore.config("v2")),
                signature_format=form,
            )
        assert caught.value.code == "no-legacy-form"
    assert refusal(reference, policy(sigstore))  # nothing was left half written


@pytest.fixture(scope="module")
def legacy(host: str, sigstore: LocalSigstore) -> ImageEvidence:
    """Return an image with two legacy signatures: by `WHO`, and by somebody else."""
    reference = push_image(host, "two-legacy")
    for who in (WHO, WHO + "/other"):
        signer = SigstoreSigner(sigstore.token(who), sigstore.config("v1"))
        sign_image(reference, signer, signature_format="legacy", platforms=False)
    with open_store(parse_reference(reference)) as store:
        return collect_evidence(store, store.manifest("1.0"))


def changed(evidence: ImageEvidence, change: Callable[[dict[str, str]], object]) -> ImageEvidence:
    """Return the evidence with the annotations of the first signature changed, and without the second."""
    said = dict(evidence.legacy[0].annotations)
    change(said)
    one = LegacySignature(payload=evidence.legacy[0].payload, annotations=said)
    return dataclasses.replace(evidence, legacy=(one,))


def edit_promise(annotations: dict[str, str], change: Callable[[dict[str, Any]], object]) -> None:
    promise = json.loads(annotations["dev.sigstore.cosign/bundle"])
    change(promise)
    annotations["dev.sigstore.cosign/bundle"] = json.dumps(promise)


def other_body(promise: dict[str, Any]) -> None:
    body = json.loads(base64.b64decode(promise["Payload"]["body"]))
    body["spec"]["data"]["hash"]["value"] = "0" * 64
    promise["Payload"]["body"] = base64.b64encode(json.dumps(body).encode()).decode()


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said.pop("dev.sigstore.cosign/bundle"),
        lambda said: said.pop("dev.sigstore.cosign/certificate"),
        lambda said: said.update({"dev.sigstore.cosign/bundle": "junk"}),
        lambda said: said.update({"dev.sigstore.cosign/certificate": "junk"}),
        lambda said: edit_promise(said, lambda p: p["Payload"].update(integratedTime=1)),
        lambda said: edit_promise(said, lambda p: p["Payload"].update(logIndex=7)),
        lambda said: edit_promise(said, lambda p: p["Payload"].update(logID="00" * 32)),
        lambda said: edit_promise(said, lambda p: p.update(SignedEntryTimestamp="AAAA")),
        lambda said: edit_promise(said, lambda p: p.update(more=1)),
        lambda said: edit_promise(said, other_body),
    ],
    ids=["no-log", "no-cert", "log-junk", "cert-junk", "time", "index", "log", "promise", "field", "body"],
)
def test_a_damaged_legacy_proof_is_refused(
    legacy: ImageEvidence, sigstore: LocalSigstore, change: Callable[[dict[str, str]], object]
) -> None:
    check_image(changed(legacy, lambda _: None), policy(sigstore))
    with pytest.raises(VerificationError):
        check_image(changed(legacy, change), policy(sigstore))


def test_a_log_entry_of_another_signature_is_refused(legacy: ImageEvidence, sigstore: LocalSigstore) -> None:
    key = "dev.sigstore.cosign/bundle"
    other = legacy.legacy[1].annotations[key]
    with pytest.raises(VerificationError) as caught:
        check_image(changed(legacy, lambda said: said.update({key: other})), policy(sigstore))
    assert caught.value.code == "log-mismatch"


def test_a_certificate_of_another_signature_is_refused(
    legacy: ImageEvidence, sigstore: LocalSigstore
) -> None:
    key = "dev.sigstore.cosign/certificate"
    mine = legacy.legacy[0].annotations[key]
    theirs = dataclasses.replace(legacy, legacy=legacy.legacy[1:])
    with pytest.raises(VerificationError):
        check_image(changed(theirs, lambda said: said.update({key: mine})), policy(sigstore))


@pytest.mark.parametrize("rekor", ["v1", "v2"])
def test_we_verify_the_form_bundle_as_an_identity_made_it_with_cosign(
    run_cosign: Cosign, host: str, sigstore: LocalSigstore, tmp_path: Path, rekor: str
) -> None:
    (tmp_path / "token").write_text(sigstore.token())
    config = json.loads(sigstore.config(rekor).read_text())["signingConfig"]
    (tmp_path / "signing.json").write_text(json.dumps(config))
    reference = push_image(host, f"their-identity-{rekor}")
    options = ("--trusted-root", sigstore.root, "--signing-config", tmp_path / "signing.json")
    who = ("--identity-token", tmp_path / "token", "-y")
    done = run_cosign(tmp_path, "sign", *options, *who, digests(reference)[0])
    assert done.returncode == 0, done.stderr[:600]
    assert [item.form for item in verify_image(reference, policy(sigstore)).signatures] == ["bundle"]
    assert refusal(reference, policy(sigstore, WHO + "x")) == "identity-mismatch"


def test_we_verify_the_form_legacy_as_an_identity_made_it_with_cosign(
    run_cosign: Cosign, host: str, sigstore: LocalSigstore, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(sigstore.token())
    reference = push_image(host, "their-identity-legacy")
    options = ("--new-bundle-format=false", "--use-signing-config=false")
    services = ("--fulcio-url", sigstore.url, "--rekor-url", sigstore.url)
    who = ("--identity-token", tmp_path / "token", "-y")
    trusted = trust_in_environment(sigstore, tmp_path)
    done = run_cosign(tmp_path, "sign", *options, *services, *who, digests(reference)[0], **trusted)
    assert done.returncode == 0, done.stderr[:600]
    assert [item.form for item in verify_image(reference, policy(sigstore)).signatures] == ["legacy"]
    assert refusal(reference, policy(sigstore, WHO + "x")) == "identity-mismatch"


def trust_in_environment(sigstore: LocalSigstore, folder: Path) -> dict[str, str]:
    """Write the parts of a trusted root as cosign's older options want them."""
    document = json.loads(sigstore.root.read_text())
    chain = document["certificateAuthorities"][0]["certChain"]["certificates"]
    parts = {
        "SIGSTORE_ROOT_FILE": ("CERTIFICATE", chain[-1]["rawBytes"]),
        "SIGSTORE_REKOR_PUBLIC_KEY": ("PUBLIC KEY", document["tlogs"][0]["publicKey"]["rawBytes"]),
        "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE": ("PUBLIC KEY", document["ctlogs"][0]["publicKey"]["rawBytes"]),
    }
    for name, (label, raw) in parts.items():
        lines = "\n".join(raw[start : start + 64] for start in range(0, len(raw), 64))
        (folder / name).write_text(f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
    return {name: str(folder / name) for name in parts}


# ------------------------------------------------------------------------------------- private authorities


@pytest.fixture(scope="module")
def authority() -> Authority:
    return new_authority()


@pytest.fixture(scope="module")
def certified(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authority")
    middle = authority.subordinate()
    name = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(SAN)])
    issued = middle.issue("release", more=(name,))
    issued.write_key(folder / "release.key")
    (folder / "chain.pem").write_bytes(issued.pem + middle.pem)
    (folder / "above.pem").write_bytes(middle.pem + authority.pem)
    (folder / "leaf.pem").write_bytes(issued.pem)
    (folder / "middle.pem").write_bytes(middle.pem)
    (folder / "root.pem").write_bytes(authority.pem)
    return folder


@pytest.mark.parametrize("form", ["bundle", "legacy"])
def test_a_certificate_signs_and_cosign_verifies_the_legacy_form(
    run_cosign: Cosign, host: str, certified: Path, form: SignatureFormat
) -> None:
    reference = push_image(host, f"certified-{form}")
    signer = CertificateSigner.from_files(certified / "release.key", certified / "chain.pem")
    sign_image(reference, signer, signature_format=form)
    assert {item.added for item in sign_image(reference, signer, signature_format=form).manifests} == {()}
    good = Policy.from_certificate(certified / "root.pem", "CN=release,O=Acme")
    assert [item.form for item in verify_image(reference, good).signatures] == [form]
    assert refusal(reference, Policy.from_certificate(certified / "root.pem", "other")) == "subject-mismatch"
    stranger = Policy.from_certificate(new_authority().pem.decode(), "release")
    assert refusal(reference, stranger) == "certificate-untrusted"
    if form == "legacy":
        roots = ("--ca-roots", "root.pem", "--ca-intermediates", "middle.pem")
        flags = ("--insecure-ignore-tlog", "--insecure-ignore-sct", "--new-bundle-format=false")
        for name, status in ((SAN, True), ("https://acme.example/other", False)):
            identity = ("--certificate-identity", name, "--certificate-oidc-issuer-regexp", ".*")
            done = run_cosign(certified, "verify", *roots, *flags, *identity, reference)
            assert (done.returncode == 0) is status, done.stderr


def test_we_verify_what_cosign_signed_with_a_certificate(
    run_cosign: Cosign, host: str, certified: Path
) -> None:
    run_cosign(certified, "import-key-pair", "--key", "release.key", "--output-key-prefix", "theirs", "-y")
    reference = push_image(host, "their-certificate")
    flags = ("--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false", "-y")
    chain = ("--certificate", "leaf.pem", "--certificate-chain", "above.pem")
    done = run_cosign(certified, "sign", "--key", "theirs.key", *chain, *flags, digests(reference)[0])
    assert done.returncode == 0, done.stderr
    # cosign leaves the intermediate out, so it is named as what is trusted.
    policy = Policy.from_certificate(certified / "middle.pem", "release")
    assert [item.form for item in verify_image(reference, policy).signatures] == ["legacy"]


def test_an_expired_certificate_is_refused_without_a_timestamp(
    host: str, authority: Authority, sigstore: LocalSigstore, tmp_path: Path
) -> None:
    now = dt.datetime.now(dt.UTC)
    issued = authority.issue("release", start=now - dt.timedelta(hours=1), end=now + dt.timedelta(seconds=4))
    issued.write_key(tmp_path / "short.key")
    (tmp_path / "short.pem").write_bytes(issued.pem)
    files = (tmp_path / "short.key", tmp_path / "short.pem")
    signers = {
        "plain": CertificateSigner.from_files(*files),
        "stamped": CertificateSigner.from_files(*files, timestamp_url=f"{sigstore.url}/api/v1/timestamp"),
    }
    places = {}
    for name, signer in signers.items():
        places[name] = push_image(host, f"short-{name}")
        sign_image(places[name], signer, platforms=False)
    end = issued.certificate.not_valid_after_utc
    time.sleep(max(0.0, (end - dt.datetime.now(dt.UTC)).total_seconds() + 1))
    pem, root = authority.pem.decode(), TrustedRoot.from_file(sigstore.root)
    assert refusal(places["plain"], Policy.from_certificate(pem, "release")) == "certificate-expired"
    stamped = verify_image(places["stamped"], Policy.from_certificate(pem, "release", trusted_root=root))
    assert {item.form for item in stamped.signatures} == {"bundle", "legacy"}
    # Without a time stamper that the verifier trusts, the timestamp says nothing.
    assert refusal(places["stamped"], Policy.from_certificate(pem, "release")) == "certificate-expired"


# --------------------------------------------------------------------------------------------- rules and CLI


def test_rules_about_time_hold_for_images(host: str, sigstore: LocalSigstore) -> None:
    reference = push_image(host, "rules-time")
    sign_image(reference, SigstoreSigner(sigstore.token(), sigstore.config("v2")), platforms=False)
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    assert refusal(reference, policy(sigstore, before=past)) == "signed-too-late"
    verify_image(reference, policy(sigstore, before=later))
    with pytest.raises(VerificationError, match="minimum_age"):
        verify_image(reference, policy(sigstore, minimum_age=MinimumAge(days=1)))
    verify_image(reference, policy(sigstore, minimum_age=MinimumAge(days=1)), moment="start")
    serial = verify_image(reference, policy(sigstore)).signatures[0].signer.serial
    gone = Revocation(kind="serial", value=serial, reason="stolen")
    assert refusal(reference, policy(sigstore, revoked=(gone,))) == "signer-revoked"
    since = Revocation(kind="serial", value=serial, reason="stolen", since=later)
    verify_image(reference, policy(sigstore, revoked=(since,)))


def test_a_required_attestation_is_by_the_named_identity(host: str, sigstore: LocalSigstore) -> None:
    reference = push_image(host, "rules-attested")
    signer = SigstoreSigner(sigstore.token(), sigstore.config("v2"))
    auditor = SigstoreSigner(sigstore.token("https://ci.example/audit"), sigstore.config("v2"))
    sign_image(reference, signer, platforms=False)
    rules = policy(sigstore, require=(Require(type=SBOM, signers=("audit",)),), attesters=(audits(sigstore),))
    with pytest.raises(VerificationError, match="no such attestation"):
        verify_image(reference, rules)
    attest_image(reference, SBOM, {"specVersion": "1.6"}, signer)
    with pytest.raises(VerificationError, match="by ci"):
        verify_image(reference, rules)
    attest_image(reference, SBOM, {"specVersion": "1.6"}, auditor)
    assert {item.type for item in verify_image(reference, rules).attestations} == {SBOM}
    # An attester signs nothing: neither alone, nor towards a threshold.
    alone = push_image(host, "rules-attester")
    sign_image(alone, auditor, platforms=False)
    with pytest.raises(VerificationError, match="and not sign"):
        verify_image(alone, rules)


def audits(sigstore: LocalSigstore) -> SignerRule:
    root = TrustedRoot.from_file(sigstore.root)
    return SignerRule(
        name="audit", identity="https://ci.example/audit", issuer=sigstore.url, trusted_root=root
    )


def test_a_threshold_counts_identities_not_signatures(host: str, sigstore: LocalSigstore) -> None:
    reference = push_image(host, "rules-threshold")
    first = policy(sigstore).signers[0]
    rules = Policy(id="two", signers=(first, audits(sigstore)), threshold=Threshold(k=2, of=("ci", "audit")))
    for _ in range(2):  # twice the same person, whose second signature has another key and certificate
        sign_image(
            reference,
            SigstoreSigner(sigstore.token(), sigstore.config("v2")),
            signature_format="bundle",
            platforms=False,
        )
    with pytest.raises(VerificationError, match="1 of 2"):
        verify_image(reference, rules)
    other = SigstoreSigner(sigstore.token("https://ci.example/audit"), sigstore.config("v2"))
    sign_image(reference, other, platforms=False)
    assert len(verify_image(reference, rules).signatures) == 2


def test_the_command_line_signs_as_an_identity(
    host: str,
    sigstore: LocalSigstore,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reference = push_image(host, "cli-identity")
    monkeypatch.setenv("TOKEN", sigstore.token())
    who = ["--identity-token", "TOKEN", "--trust-config", str(sigstore.config("v2"))]
    assert main(["sign-image", reference, *who]) == 2  # nobody agreed to make that public
    assert "This will be public" in capsys.readouterr().err
    assert main(["sign-image", reference, *who, "--yes"]) == 0
    checks = ["--certificate-oidc-issuer", sigstore.url, "--trusted-root", str(sigstore.root)]
    good = [*checks, "--certificate-identity", WHO]
    assert main(["verify-image", reference, *good, "--explain"]) == 0
    assert WHO in capsys.readouterr().out
    assert main(["verify-image", reference, *checks, "--certificate-identity", WHO + "x"]) == 3
    assert main(["verify-image", reference, *good, "--require", "cyclonedx", "--explain"]) == 3
    assert "require https://cyclonedx.org/bom" in capsys.readouterr().out
