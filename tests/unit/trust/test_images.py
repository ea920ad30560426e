from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpack.errors import (
    ContentMismatchError,
    PolicyViolationError,
    SignatureInvalidError,
    UntrustedSignerError,
    UsageError,
    VerificationError,
)
from mlpack.oci.descriptors import EMPTY, IMAGE_INDEX, IMAGE_MANIFEST, Descriptor, manifest_bytes, sha256
from mlpack.oci.documents import json_bytes
from mlpack.trust.envelope import seal
from mlpack.trust.image_statements import (
    BUNDLE_TYPE,
    SIGNATURE_TYPE,
    key_hint,
    seal_statement,
    statement,
)
from mlpack.trust.images import AttachedBundle, ImageEvidence, LegacySignature, VerifiedImage, check_image
from mlpack.trust.keys import KeySigner, PublicKey
from mlpack.trust.legacy_signatures import LEGACY_SIGNATURE, sign_simple
from mlpack.trust.oms import build_statement
from mlpack.trust.policy import Policy, SignerRule

IMAGE = manifest_bytes(layers=())
DIGEST = sha256(IMAGE)
SUBJECT = Descriptor.of(IMAGE, IMAGE_MANIFEST)
OTHER = Descriptor.of(manifest_bytes(layers=(EMPTY,)), IMAGE_MANIFEST)
SBOM = "https://cyclonedx.org/bom"


def attached(bundle: bytes, *, subject: Descriptor = SUBJECT, kind: str = BUNDLE_TYPE) -> AttachedBundle:
    layers = (Descriptor.of(bundle, kind),)
    return AttachedBundle(
        manifest=manifest_bytes(artifact_type=kind, layers=layers, subject=subject), bundle=bundle
    )


def evidence(*bundles: AttachedBundle, legacy: tuple[LegacySignature, ...] = ()) -> ImageEvidence:
    return ImageEvidence(
        source="r.example/app", digest=DIGEST, manifest=IMAGE, bundles=bundles, legacy=legacy
    )


def signature(signer: KeySigner, digest: str = DIGEST, kind: str = SIGNATURE_TYPE) -> bytes:
    return seal_statement(statement(digest, kind, {}), signer)


def rewritten(bundle: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(bundle)
    change(document)
    return json.dumps(document).encode()


@pytest.fixture
def policy(public: PublicKey) -> Policy:
    return Policy.from_key(public)


def test_a_signature_in_the_form_bundle_is_accepted(signer: KeySigner, policy: Policy) -> None:
    verified = check_image(evidence(attached(signature(signer))), policy)
    assert verified.digest == f"manifest:{DIGEST}"
    assert [item.form for item in verified.signatures] == ["bundle"]


def test_a_signature_in_the_form_legacy_is_accepted(signer: KeySigner, policy: Policy) -> None:
    payload, said = sign_simple(DIGEST, "r.example/app", signer)
    verified = check_image(evidence(legacy=(LegacySignature(payload=payload, annotations=said),)), policy)
    assert [item.form for item in verified.signatures] == ["legacy"]


def test_an_index_is_signed_like_anything_else(signer: KeySigner, policy: Policy) -> None:
    index = json_bytes({"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": [SUBJECT.document()]})
    found = ImageEvidence(
        source="r.example/app",
        digest=sha256(index),
        manifest=index,
        bundles=(attached(signature(signer, sha256(index)), subject=Descriptor.of(index, IMAGE_INDEX)),),
    )
    assert check_image(found, policy).media_type == IMAGE_INDEX


def test_nothing_is_no_signature(policy: Policy) -> None:
    with pytest.raises(SignatureInvalidError, match="carries no signature"):
        check_image(evidence(), policy)


def test_an_attestation_is_no_signature(signer: KeySigner, policy: Policy) -> None:
    with pytest.raises(SignatureInvalidError):
        check_image(evidence(attached(signature(signer, kind=SBOM))), policy)


def test_a_signature_is_no_attestation(signer: KeySigner, policy: Policy) -> None:
    with pytest.raises(SignatureInvalidError):
        check_image(evidence(attached(signature(signer))), policy, predicate_type=SBOM)


def test_an_attestation_is_accepted_as_such(signer: KeySigner, policy: Policy) -> None:
    bundle = seal_statement(statement(DIGEST, SBOM, {"components": [1]}), signer)
    verified = check_image(evidence(attached(bundle)), policy, predicate_type=SBOM)
    assert verified.signatures[0].predicate == {"components": [1]}


def test_a_bundles_signature_is_none_of_an_image(signer: KeySigner, policy: Policy) -> None:
    oms = build_statement("app-1.0.0", {"SHA256SUMS": DIGEST.removeprefix("sha256:")})
    with pytest.raises(SignatureInvalidError):
        check_image(evidence(attached(seal(oms, signer))), policy)


def test_another_key_is_not_trusted(other: KeySigner, policy: Policy) -> None:
    payload, said = sign_simple(DIGEST, "r.example/app", other)
    legacy = (LegacySignature(payload=payload, annotations=said),)
    with pytest.raises(UntrustedSignerError):
        check_image(evidence(attached(signature(other)), legacy=legacy), policy)


def test_junk_beside_a_good_signature_is_passed_over_and_said(signer: KeySigner, policy: Policy) -> None:
    verified = check_image(evidence(attached(b"junk"), attached(signature(signer))), policy)
    assert len(verified.signatures) == 1
    assert len(verified.ignored) == 1
    assert "not JSON" in verified.ignored[0]


def test_a_hint_that_lies_does_not_help(signer: KeySigner, other: KeySigner, policy: Policy) -> None:
    def claim(document: dict[str, Any]) -> None:
        document["verificationMaterial"]["publicKey"]["hint"] = key_hint(signer.public_key)

    with pytest.raises(SignatureInvalidError, match="carries no signature") as caught:
        check_image(evidence(attached(rewritten(signature(other), claim))), policy)
    assert "does not match the signed statement" in str(caught.value)


def test_the_hint_may_be_missing(signer: KeySigner, policy: Policy) -> None:
    bundle = rewritten(
        signature(signer), lambda document: document["verificationMaterial"]["publicKey"].clear()
    )
    check_image(evidence(attached(bundle)), policy)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.2"),
        lambda d: d.update(more=1),
        lambda d: d["dsseEnvelope"].update(payloadType="text/plain"),
        lambda d: d["dsseEnvelope"].update(payload=d["dsseEnvelope"]["payload"] + "\n"),
        lambda d: d["dsseEnvelope"]["signatures"].append(d["dsseEnvelope"]["signatures"][0]),
        lambda d: d["dsseEnvelope"]["signatures"].clear(),
        lambda d: d["dsseEnvelope"]["signatures"][0].update(sig=""),
        lambda d: d["verificationMaterial"].pop("publicKey"),
        lambda d: d["verificationMaterial"].update(certificate={"rawBytes": "AA=="}),
        lambda d: d.pop("dsseEnvelope"),
    ],
)
def test_a_bundle_that_is_not_exactly_one_is_refused(
    signer: KeySigner, policy: Policy, change: Callable[[dict[str, Any]], object]
) -> None:
    with pytest.raises(VerificationError):
        check_image(evidence(attached(rewritten(signature(signer), change))), policy)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(predicateType="https://sigstore.dev/cosign/sign/v2"),
        lambda d: d.update(_type="https://in-toto.io/Statement/v0.1"),
        lambda d: d["subject"][0]["digest"].update(sha256="0" * 64),
        lambda d: d["subject"][0]["digest"].update(sha256=d["subject"][0]["digest"]["sha256"].upper()),
        lambda d: d["subject"][0].update(digest={"sha512": "0" * 128}),
        lambda d: d["subject"].clear(),
        lambda d: d.update(predicate=[]),
    ],
)
def test_a_signed_statement_about_something_else_is_refused(
    signer: KeySigner, policy: Policy, change: Callable[[dict[str, Any]], object]
) -> None:
    payload = rewritten(statement(DIGEST, SIGNATURE_TYPE, {}), change)
    with pytest.raises(SignatureInvalidError):
        check_image(evidence(attached(seal_statement(payload, signer))), policy)


def test_a_key_twice_in_a_statement_is_refused(signer: KeySigner, policy: Policy) -> None:
    payload = statement(DIGEST, SIGNATURE_TYPE, {}).replace(b'{"_type"', b'{"predicateType":"x","_type"', 1)
    with pytest.raises(SignatureInvalidError):
        check_image(evidence(attached(seal_statement(payload, signer))), policy)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["critical"].update(type="something else"),
        lambda d: d["critical"]["image"].update({"docker-manifest-digest": OTHER.digest}),
        lambda d: d["critical"].pop("identity"),
        lambda d: d.update(more=1),
    ],
)
def test_a_signed_text_about_something_else_is_refused(
    signer: KeySigner, policy: Policy, change: Callable[[dict[str, Any]], object]
) -> None:
    payload = rewritten(sign_simple(DIGEST, "r.example/app", signer)[0], change)
    said = {LEGACY_SIGNATURE: base64.b64encode(signer.sign(payload)).decode()}
    with pytest.raises(SignatureInvalidError):
        check_image(evidence(legacy=(LegacySignature(payload=payload, annotations=said),)), policy)


@pytest.mark.parametrize(
    "subject",
    [OTHER, dataclasses.replace(SUBJECT, digest=OTHER.digest), dataclasses.replace(SUBJECT, size=1)],
    ids=["other", "digest", "size"],
)
def test_an_attachment_to_another_manifest_is_refused(
    signer: KeySigner, policy: Policy, subject: Descriptor
) -> None:
    with pytest.raises(SignatureInvalidError, match="attached to"):
        check_image(evidence(attached(signature(signer), subject=subject)), policy)


@pytest.mark.parametrize("wrong", ["artifact", "layer"])
def test_an_attachment_of_another_type_is_refused(signer: KeySigner, policy: Policy, wrong: str) -> None:
    bundle = signature(signer)
    types = {"artifact": BUNDLE_TYPE, "layer": BUNDLE_TYPE, wrong: "application/vnd.example"}
    layers = (Descriptor.of(bundle, types["layer"]),)
    manifest = manifest_bytes(artifact_type=types["artifact"], layers=layers, subject=SUBJECT)
    with pytest.raises(SignatureInvalidError, match=r"application/vnd\.dev\.sigstore"):
        check_image(evidence(AttachedBundle(manifest=manifest, bundle=bundle)), policy)


def test_a_blob_that_is_not_the_layer_is_refused(signer: KeySigner, policy: Policy) -> None:
    swapped = dataclasses.replace(attached(b"other"), bundle=signature(signer))
    with pytest.raises(SignatureInvalidError):
        check_image(evidence(swapped), policy)


def test_a_manifest_that_lacks_the_digest_is_refused(signer: KeySigner, policy: Policy) -> None:
    found = dataclasses.replace(evidence(attached(signature(signer))), manifest=IMAGE + b" ")
    with pytest.raises(ContentMismatchError):
        check_image(found, policy)


def test_something_that_is_no_manifest_is_refused(policy: Policy) -> None:
    data = b'{"hello":1}'
    found = ImageEvidence(source="x", digest=sha256(data), manifest=data)
    with pytest.raises(ContentMismatchError):
        check_image(found, policy)


@pytest.mark.parametrize(
    "rule",
    [{"name": "churn"}, {"pins": ("bundle:sha256:" + "0" * 64,)}],
    ids=["name", "pins"],
)
def test_a_rule_about_bundles_cannot_pass_for_an_image(
    signer: KeySigner, public: PublicKey, rule: dict[str, Any]
) -> None:
    policy = Policy(id="x", signers=(SignerRule(name="key", key=public),), **rule)
    with pytest.raises(PolicyViolationError, match="cannot be held against an image"):
        check_image(evidence(attached(signature(signer))), policy)


def test_an_expired_policy_accepts_nothing(signer: KeySigner, public: PublicKey) -> None:
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    policy = Policy(id="x", signers=(SignerRule(name="key", key=public),), expires=past)
    with pytest.raises(PolicyViolationError, match="expired"):
        check_image(evidence(attached(signature(signer))), policy)


def test_a_predicate_type_is_an_absolute_uri() -> None:
    with pytest.raises(UsageError):
        statement(DIGEST, "sbom", {})


def test_facts_say_what_to_deploy_and_that_no_time_is_known(signer: KeySigner, policy: Policy) -> None:
    pairs = {
        label: value
        for label, value, _ in check_image(evidence(attached(signature(signer))), policy)
        .facts()
        .sections[0]
        .pairs
    }
    assert pairs["image (deploy this)"] == f"manifest:{DIGEST}"
    assert "no trusted time" in pairs["checked"]


@given(
    position=st.integers(min_value=0), bit=st.integers(0, 7), where=st.sampled_from(["manifest", "bundle"])
)
def test_every_changed_bit_is_refused_or_changes_nothing(
    signer: KeySigner, public: PublicKey, position: int, bit: int, where: str
) -> None:
    intact = attached(signature(signer))
    data = bytearray(getattr(intact, where))
    data[position % len(data)] ^= 1 << bit
    changed = dataclasses.replace(intact, **{where: bytes(data)})
    try:
        verified = check_image(evidence(changed), Policy.from_key(public))
    except VerificationError:
        return
    # What survives is unsigned wrapping, such as an annotation's name; never the digest.
    assert isinstance(verified, VerifiedImage)
    assert where == "manifest"
    assert verified.digest == f"manifest:{DIGEST}"


@given(data=st.binary(max_size=300), text=st.text(max_size=50))
def test_any_bytes_are_refused_with_one_kind_of_error(public: PublicKey, data: bytes, text: str) -> None:
    junk = AttachedBundle(manifest=data, bundle=data)
    legacy = (LegacySignature(payload=data, annotations={LEGACY_SIGNATURE: text}),)
    with pytest.raises(VerificationError):
        check_image(evidence(junk, attached(data), legacy=legacy), Policy.from_key(public))
