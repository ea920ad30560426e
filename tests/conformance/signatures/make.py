"""Make the signature vectors again: `python tests/conformance/signatures/make.py`.

Each case is one signature file, what it is checked against, and the code of its refusal ("" when it is accepted).
Keys are fixed and signatures deterministic, so the bytes that are checked in must not change: a test compares.
"""

# ruff: noqa: E501  (the tables have one row per case)
from __future__ import annotations

import base64
import copy
import datetime as dt
import hashlib
import json
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

HERE = Path(__file__).parent
S: Any = SimpleNamespace(**runpy.run_path(str(HERE / "paper_sigstore.py")))
Document = dict[str, Any]

FILE = b"weights\n"
MODEL = {"a-b.bin": b"1", "a.bin": b"2", "a/b.bin": b"3", "empty": b"", "sub/.git/config": b"4"}
OMS = "https://model_signing/signature/v1.0"
V3 = "application/vnd.dev.sigstore.bundle.v0.3+json"
OLD = "application/vnd.dev.sigstore.bundle+json;version=0."
DAY = dt.timedelta(days=1)
KEYS = {name: S.key(name, name) for name in S.CURVES} | {
    "Ed25519": S.ed25519_key("Ed25519"),
    "other": S.key("other"),
}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def by_component(name: str) -> list[str]:
    return name.split("/")


def statement(
    files: dict[str, bytes] = MODEL,
    *,
    order: Callable[[str], Any] = str,
    predicate_type: str = OMS,
    **serialization: Any,  # noqa: ANN401  (JSON)
) -> Document:
    """Return an OMS statement; keywords replace members of `serialization`."""
    how: Document = {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": False,
        "ignore_paths": [".git"],
    } | serialization
    parts: list[tuple[str, bytes]] = []
    for name in sorted(files, key=order):
        size = how.get("shard_size")
        if size is None:
            parts.append((name, files[name]))
        else:
            for start in range(0, len(files[name]), size):
                part = files[name][start : start + size]
                parts.append((f"{name}:{start}:{start + len(part)}", part))
    resources = [
        {
            "name": name,
            "algorithm": how["hash_type"],
            "digest": hashlib.new(how["hash_type"], data).hexdigest(),
        }
        for name, data in parts
    ]
    return rooted(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "model", "digest": {}}],
            "predicateType": predicate_type,
            "predicate": {"serialization": how, "resources": resources},
        }
    )


def rooted(document: Document) -> Document:
    """Give the subject the digest over the resources as they stand."""
    digests = b"".join(bytes.fromhex(each["digest"]) for each in document["predicate"]["resources"])
    document["subject"][0]["digest"]["sha256"] = sha256(digests)
    return document


def about(digest: str = sha256(FILE), name: str = "sha256") -> Document:
    """Return a statement of another kind about a file."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "file.bin", "digest": {name: digest}}],
        "predicateType": "https://example.org/tested/v1",
        "predicate": {},
    }


def pae(payload: bytes) -> bytes:
    kind = b"application/vnd.in-toto+json"
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def envelope(document: Document | bytes, private: Any, keyid: str | None = "") -> Document:  # noqa: ANN401
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    signature = {"sig": S.b64(S.signed(private, pae(payload))), "keyid": keyid}
    return {
        "payload": S.b64(payload),
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [signature],
    }


def by_key(document: Document | bytes, name: str = "P-256") -> Document:
    """Return a signature by a key alone."""
    material: Document = {"publicKey": {"hint": "anything"}, "tlogEntries": []}
    return {"mediaType": V3, "verificationMaterial": material, "dsseEnvelope": envelope(document, KEYS[name])}


def by_chain(document: Document, *certificates: Any, private: Any = None) -> Document:  # noqa: ANN401
    """Return a signature by a certificate with its chain."""
    chain = [{"rawBytes": S.b64(S.der(each))} for each in certificates]
    material = {"x509CertificateChain": {"certificates": chain}, "tlogEntries": []}
    return {
        "mediaType": V3,
        "verificationMaterial": material,
        "dsseEnvelope": envelope(document, private or KEYS["P-256"]),
    }


def message(private: Any, data: bytes = FILE) -> Document:  # noqa: ANN401
    return {
        "messageDigest": {"algorithm": "SHA2_256", "digest": S.b64(hashlib.sha256(data).digest())},
        "signature": S.b64(S.signed(private, data)),
    }


def hashedrekord(
    bundle: Document, verifier: bytes, data: bytes = FILE, label: str = "CERTIFICATE"
) -> Document:
    """Return the body of a log entry of Rekor v1 about a message signature."""
    lines = base64.encodebytes(verifier).replace(b"\n", b"")
    text = b"\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
    pem = b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label.encode(), text, label.encode())
    return {
        "apiVersion": "0.0.1",
        "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": sha256(data)}},
            "signature": {
                "content": bundle["messageSignature"]["signature"],
                "publicKey": {"content": S.b64(pem)},
            },
        },
    }


def hashedrekord_2(signature: str, verifier: Document, data: bytes) -> Document:
    """Return the body of a log entry of Rekor v2."""
    digest = S.b64(hashlib.sha256(data).digest())
    said = {
        "data": {"algorithm": "SHA2_256", "digest": digest},
        "signature": {"content": signature, "verifier": verifier},
    }
    return {"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": said}}


def keyless(certificate: Any = None, *, version: int = 3, **entry: Any) -> Document:  # noqa: ANN401
    """Return a keyless signature over the file, logged in Rekor v1."""
    certificate = S.keyless(KEYS["P-256"]) if certificate is None else certificate
    one = {"rawBytes": S.b64(S.der(certificate))}
    signer: Document = (
        {"certificate": one} if version == 3 else {"x509CertificateChain": {"certificates": [one]}}
    )
    bundle = {
        "mediaType": V3 if version == 3 else OLD + str(version),
        "verificationMaterial": signer,
        "messageSignature": message(KEYS["P-256"]),
    }
    signer["tlogEntries"] = [S.entry_1(hashedrekord(bundle, S.der(certificate)), **entry)]
    return bundle


def keyless_envelope(document: Document, kind: str) -> Document:
    """Return a keyless signature over a statement, logged in Rekor v1 as `dsse` or `intoto`."""
    certificate = S.keyless(KEYS["P-256"])
    sealed = envelope(document, KEYS["P-256"])
    signature, pem = sealed["signatures"][0]["sig"], S.b64(certificate.public_bytes(Encoding.PEM))
    said = {"algorithm": "sha256", "value": sha256(base64.b64decode(sealed["payload"]))}
    if kind == "dsse":
        spec: Document = {
            "envelopeHash": said,
            "payloadHash": said,
            "signatures": [{"signature": signature, "verifier": pem}],
        }
    else:
        twice = {"publicKey": pem, "sig": S.b64(signature.encode())}
        inner = {"payloadType": sealed["payloadType"], "signatures": [twice]}
        spec = {"content": {"envelope": inner, "hash": said, "payloadHash": said}}
    body = {"apiVersion": "0.0.1" if kind == "dsse" else "0.0.2", "kind": kind, "spec": spec}
    material = {"certificate": {"rawBytes": S.b64(S.der(certificate))}, "tlogEntries": [S.entry_1(body)]}
    return {"mediaType": V3, "verificationMaterial": material, "dsseEnvelope": sealed}


def by_release_02(document: Document) -> Document:
    """Return what release 0.2 of the reference tool wrote: another encoding was signed."""
    bundle = by_key(document)
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"])
    kind = "application/vnd.in-toto+json"
    data = f"DSSEV1 {len(kind)} {kind} {len(payload)} {payload!r}".encode()
    return changed(bundle, ("dsseEnvelope.signatures.0.sig", S.b64(S.signed(KEYS["P-256"], data))))


def keyless_2(*, stamped: bool = True, at: dt.datetime = S.SIGNED) -> Document:
    """Return a keyless statement about the file, logged in Rekor v2 and stamped by the clock."""
    certificate = S.keyless(KEYS["P-256"])
    sealed = envelope(about(), KEYS["P-256"])
    signature, one = sealed["signatures"][0]["sig"], {"rawBytes": S.b64(S.der(certificate))}
    body = hashedrekord_2(
        signature,
        {"x509Certificate": one, "keyDetails": "PKIX_ECDSA_P256_SHA_256"},
        pae(base64.b64decode(sealed["payload"])),
    )
    material: Document = {"certificate": one, "tlogEntries": [S.entry_2(body)]}
    if stamped:
        stamp = {"signedTimestamp": S.b64(S.timestamp(base64.b64decode(signature), at))}
        material["timestampVerificationData"] = {"rfc3161Timestamps": [stamp]}
    return {"mediaType": V3, "verificationMaterial": material, "dsseEnvelope": sealed}


def changed(bundle: Document, *steps: tuple[str, Any]) -> Document:
    """Return a copy with members replaced; a path is dotted, with numbers for places in an array."""
    result = copy.deepcopy(bundle)
    for path, value in steps:
        at: Any = result
        *way, last = path.split(".")
        for name in way:
            at = at[int(name)] if name.isdigit() else at[name]
        if value is ...:
            del at[last]
        elif isinstance(at, list):
            at[int(last)] = value
        else:
            at[last] = value
    return result


def restated(*steps: tuple[str, Any], **keywords: Any) -> Document:  # noqa: ANN401
    """Return a key signature over a changed statement, whose root digest was made again."""
    return by_key(rooted(changed(statement(**keywords), *steps)))


def chains(folder: Path) -> dict[str, tuple[Document, str, Document]]:
    """Return the cases about private authorities: name -> signature, code, arguments."""
    root, middle, private = S.key("root"), S.key("middle"), KEYS["P-256"]
    top = S.certificate("root", root, ("root", root), authority=True)
    between = S.certificate("middle", middle, ("root", root), authority=True)
    roots = {"certificate_roots": ["keys/root.pem"]}

    def leaf(**keywords: Any) -> Any:  # noqa: ANN401
        return S.certificate("signer", private, ("middle", middle), **keywords)

    def case(certificate: Any, code: str, *more: Any, **arguments: Any) -> tuple[Document, str, Document]:  # noqa: ANN401
        return by_chain(statement(), certificate, *(more or (between,))), code, roots | arguments

    (folder / "keys" / "root.pem").write_bytes(top.public_bytes(Encoding.PEM))
    tls = leaf(usage=ExtendedKeyUsageOID.SERVER_AUTH)
    past = leaf(period=(S.START, S.START + DAY))
    other = S.certificate("middle", S.key("imposter"), ("root", S.key("imposter")), authority=True)
    stranger = S.certificate("signer", private, ("middle", S.key("imposter")))
    no_authority = S.certificate("middle", middle, ("root", root))
    return {
        "chain": case(leaf(), ""),
        "chain-with-root": case(leaf(), "", between, top),
        "chain-subject": case(leaf(), "", certificate_subject="CN=signer"),
        "chain-other-subject": case(leaf(), "subject-mismatch", certificate_subject="CN=other"),
        "chain-expired": case(past, "certificate-expired"),
        "chain-not-yet-valid": case(leaf(period=(S.END - DAY, S.END)), "certificate-not-yet-valid"),
        "chain-tls": case(tls, "certificate-usage"),
        "chain-tls-compat": case(tls, "certificate-usage", oms_compat=True),
        "chain-no-usage": case(leaf(usage=None), "certificate-usage"),
        "chain-no-usage-compat": case(leaf(usage=None), "", oms_compat=True),
        "chain-not-for-signing": case(leaf(signs=False), "certificate-usage"),
        "chain-missing-link": case(leaf(), "certificate-untrusted", top),
        "chain-imposter": case(stranger, "certificate-untrusted", other),
        "chain-through-a-signer": case(leaf(), "certificate-untrusted", no_authority),
        "chain-other-key": (
            by_chain(statement(), leaf(), between, private=KEYS["other"]),
            "signature-invalid",
            roots,
        ),
        "chain-asked-for-key": (
            by_chain(statement(), leaf(), between),
            "material",
            {"key": "keys/P-256.pub"},
        ),
        "key-asked-for-chain": (by_key(statement()), "material", roots),
    }


def folders() -> dict[str, tuple[Document | bytes, str, Document]]:
    """Return the cases about signatures over a folder by a key."""
    good, payload = by_key(statement()), "dsseEnvelope.payload"
    one = "dsseEnvelope.signatures.0"
    text = good["dsseEnvelope"]["payload"]
    raw = json.dumps(good)
    key = {"rawBytes": S.b64(S.spki(KEYS["other"], Encoding.PEM)), "keyDetails": "PKIX_ECDSA_P256_SHA_256"}
    material, resources = "verificationMaterial", "predicate.resources"
    first = statement()["predicate"]["resources"]
    odd = ["/a-b.bin", "../a-b.bin", "./a-b.bin", "a//b.bin", "a-b.bin/", "sub/../a-b.bin", ""]
    cases: dict[str, tuple[Document | bytes, str]] = {
        "files": (good, ""),
        "files-components": (by_key(statement(order=by_component)), ""),
        "files-blake2b": (by_key(statement(hash_type="blake2b")), ""),
        "files-shards": (by_key(statement(method="shards", shard_size=1)), ""),
        "no-entries": (changed(good, (f"{material}.tlogEntries", ...)), ""),
        "no-keyid": (changed(good, (f"{one}.keyid", ...)), ""),
        "null-keyid": (changed(good, (f"{one}.keyid", None)), ""),
        "raw-bytes-of-another-key": (changed(good, (f"{material}.publicKey", key)), ""),
        "other-model-name": (by_key(changed(statement(), ("subject.0.name", "anything"))), ""),
        "extra-in-resource": (restated((f"{resources}.0.annotations", {"size": 1})), ""),
        "no-ignore-paths": (by_key(changed(statement(), ("predicate.serialization.ignore_paths", ...))), ""),
        "duplicate-key": (
            raw.replace('"payloadType"', '"payloadType": "x", "payloadType"').encode(),
            "signature-malformed",
        ),
        "duplicate-key-in-payload": (
            by_key(json.dumps(statement()).replace('"subject"', '"subject": [], "subject"').encode()),
            "statement-malformed",
        ),
        "base64-junk": (changed(good, (payload, text[:8] + "\n" + text[8:])), "signature-malformed"),
        "base64-url": (
            changed(good, (f"{one}.sig", "-_" + good["dsseEnvelope"]["signatures"][0]["sig"][2:])),
            "signature-malformed",
        ),
        "trailing": (raw.encode() + b"{}", "signature-malformed"),
        "byte-order-mark": (b"\xef\xbb\xbf" + raw.encode(), "signature-malformed"),
        "nested": (b"[" * 100_000, "signature-malformed"),
        "unknown-field": (changed(good, ("extra", 1)), "signature-malformed"),
        "unknown-version": (changed(good, ("mediaType", OLD + "9")), "signature-unsupported"),
        "no-signature": (changed(good, ("dsseEnvelope.signatures", [])), "signature-count"),
        "two-signatures": (
            changed(good, ("dsseEnvelope.signatures", good["dsseEnvelope"]["signatures"] * 2)),
            "signature-count",
        ),
        "other-payload-type": (
            changed(good, ("dsseEnvelope.payloadType", "application/json")),
            "payload-type",
        ),
        "other-key": (by_key(statement(), "other"), "signature-invalid"),
        "other-payload": (
            changed(good, (payload, S.b64(json.dumps(statement(), indent=1).encode()))),
            "signature-invalid",
        ),
        "other-predicate": (
            by_key(statement(predicate_type="https://slsa.dev/provenance/v1")),
            "statement-predicate",
        ),
        "old-predicate": (
            by_key(statement(predicate_type="https://model_signing/Digests/v0.1")),
            "statement-predicate",
        ),
        "other-statement": (
            by_key(changed(statement(), ("_type", "https://in-toto.io/Statement/v0.1"))),
            "statement-malformed",
        ),
        "no-predicate": (by_key(changed(statement(), ("predicate", ...))), "statement-malformed"),
        "extra-in-predicate": (by_key(changed(statement(), ("predicate.more", 1))), "statement-malformed"),
        "no-subject": (by_key(changed(statement(), ("subject", []))), "statement-malformed"),
        "two-subjects": (
            by_key(changed(statement(), ("subject", statement()["subject"] * 2))),
            "statement-malformed",
        ),
        "wrong-root": (by_key(changed(statement(), ("subject.0.digest.sha256", "0" * 64))), "root-digest"),
        "no-resources": (
            restated((resources, []), ("predicate.serialization.ignore_paths", ["."])),
            "ignore-path",
        ),
        "empty-resources": (restated((resources, [])), "resources-empty"),
        "duplicate-resource": (restated((resources, first[:1] + first)), "resource-duplicate"),
        "shuffled": (restated((resources, first[::-1])), "resource-order"),
        "missing-file": (by_key(statement(MODEL | {"z": b""})), "file-missing"),
        "unsigned-file": (
            by_key(statement({name: MODEL[name] for name in list(MODEL)[1:]})),
            "file-unsigned",
        ),
        "changed-file": (by_key(statement(MODEL | {"empty": b"x"})), "file-changed"),
        "nested-git-is-covered": (
            by_key(statement({name: MODEL[name] for name in list(MODEL)[:-1]})),
            "file-unsigned",
        ),
        "ignore-parent": (restated(("predicate.serialization.ignore_paths", ["../model"])), "ignore-path"),
        "ignore-glob": (restated(("predicate.serialization.ignore_paths", ["*.bin"])), "ignore-path"),
        "ignore-absolute": (restated(("predicate.serialization.ignore_paths", ["/"])), "ignore-path"),
        "ignore-signed": (restated(("predicate.serialization.ignore_paths", ["a"])), "resource-ignored"),
        "unknown-hash": (restated(("predicate.serialization.hash_type", "md5")), "signature-unsupported"),
        "short-digest": (
            by_key(changed(statement(), (f"{resources}.0.digest", "00"))),
            "statement-malformed",
        ),
        "shard-gap": (
            restated(
                (resources, statement(method="shards", shard_size=1)["predicate"]["resources"][1:]),
                ("predicate.resources.0.name", "a.bin:1:2"),
                method="shards",
                shard_size=1,
            ),
            "resource-path",
        ),
        **{
            f"path-{at}": (restated((f"{resources}.0.name", path)), "resource-path")
            for at, path in enumerate(odd)
        },
    }
    old: Document = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": sha256(data)}} for name, data in MODEL.items()],
        "predicateType": "https://model_signing/Digests/v0.1",
        "predicate": {"unused": "unused"},
    }
    lax, key_of = {"oms_compat": True}, {"path": "model", "key": "keys/P-256.pub"}
    return {name: (bundle, code, key_of) for name, (bundle, code) in cases.items()} | {
        "release-0.2": (by_release_02(old), "signature-invalid", key_of),
        "release-0.2-compat": (by_release_02(old), "", key_of | lax),
        "release-0.2-no-files-compat": (
            by_release_02(old | {"subject": []}),
            "resources-empty",
            key_of | lax,
        ),
        "release-0.2-odd-path-compat": (
            by_release_02(changed(old, ("subject.0.name", "../a-b.bin"))),
            "resource-path",
            key_of | lax,
        ),
        "shuffled-compat": (restated((resources, first[::-1])), "", key_of | lax),
    }


def files() -> dict[str, tuple[Document, str, Document]]:
    """Return the cases about signatures over one file."""
    bare: Document = {"mediaType": V3, "verificationMaterial": {"publicKey": {"hint": ""}}}
    cases: dict[str, tuple[Document, str, Document]] = {}
    for name in (*S.CURVES, "Ed25519"):
        key = {"key": f"keys/{name}.pub"}
        cases[f"message-{name}"] = bare | {"messageSignature": message(KEYS[name])}, "", key
        cases[f"statement-{name}"] = by_key(about(), name), "", key
        oms = by_key(statement({"file.bin": FILE}), name)
        cases[f"single-{name}"] = oms, "key-type" if name == "Ed25519" else "", key
    key = {"key": "keys/P-256.pub"}
    digest = key | {"path": f"sha256:{sha256(FILE)}"}
    signed = bare | {"messageSignature": message(KEYS["P-256"])}
    logged = copy.deepcopy(signed)
    logged["verificationMaterial"]["tlogEntries"] = [
        S.entry_1(hashedrekord(signed, S.spki(KEYS["P-256"]), label="PUBLIC KEY"))
    ]
    tiled = copy.deepcopy(signed)
    body = hashedrekord_2(
        signed["messageSignature"]["signature"],
        {"publicKey": {"rawBytes": S.b64(S.spki(KEYS["P-256"]))}, "keyDetails": "PKIX_ECDSA_P256_SHA_256"},
        FILE,
    )
    tiled["verificationMaterial"]["tlogEntries"] = [S.entry_2(body)]
    foreign = copy.deepcopy(signed)
    foreign["verificationMaterial"]["tlogEntries"] = [
        S.entry_1(hashedrekord(signed, S.spki(KEYS["other"]), label="PUBLIC KEY"))
    ]
    cases |= {
        "message-by-digest": (signed, "", digest),
        "message-ed25519-by-digest": (
            cases["message-Ed25519"][0],
            "key-type",
            digest | {"key": "keys/Ed25519.pub"},
        ),
        "message-no-digest": (changed(signed, ("messageSignature.messageDigest", ...)), "", key),
        "message-other-digest": (
            changed(signed, ("messageSignature.messageDigest.digest", S.b64(bytes(32)))),
            "subject-digest",
            key,
        ),
        "message-other-file": (
            bare | {"messageSignature": message(KEYS["P-256"], b"other")},
            "subject-digest",
            key,
        ),
        "message-other-key": (signed, "signature-invalid", {"key": "keys/other.pub"}),
        "message-over-folder": (signed, "payload-type", key | {"path": "model"}),
        "message-logged": (logged, "", key | {"trusted_root": "trusted_root.json"}),
        "message-logged-in-tiles": (tiled, "", key | {"trusted_root": "trusted_root.json"}),
        "message-logged-for-another": (foreign, "log-mismatch", key | {"trusted_root": "trusted_root.json"}),
        "statement-by-digest": (by_key(about()), "", digest),
        "statement-sha512": (by_key(about(hashlib.sha512(FILE).hexdigest(), "sha512")), "", key),
        "statement-other-file": (by_key(about("0" * 64)), "subject-digest", key),
        "statement-no-subject": (by_key(changed(about(), ("subject", []))), "subject-digest", key),
        "statement-odd-digest": (
            by_key(changed(about(), ("subject.0.digest.sha256", 1))),
            "statement-malformed",
            key,
        ),
        "single-by-digest": (by_key(statement({"file.bin": FILE})), "", digest),
        "single-dot": (by_key(statement({".": FILE})), "", key),
        "single-dot-of-two": (by_key(statement({".": FILE, "a": FILE})), "resource-path", key),
        "single-dot-over-folder": (by_key(statement({".": FILE})), "file-missing", key | {"path": "model"}),
        "single-other-name": (by_key(statement({"other.bin": FILE})), "file-missing", key),
        "single-changed": (by_key(statement({"file.bin": b"other"})), "file-changed", key),
        "folder-over-file": (by_key(statement()), "file-missing", key),
    }
    return cases


def keyless_cases() -> dict[str, tuple[Document, str, Document]]:
    """Return the cases about identities, logs and clocks."""
    who = {
        "certificate_identity": S.IDENTITY,
        "certificate_oidc_issuer": S.ISSUER,
        "trusted_root": "trusted_root.json",
    }
    entry = "verificationMaterial.tlogEntries.0"
    good, second = keyless(), keyless_2()
    note = good["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"]["envelope"]
    stamps = "verificationMaterial.timestampVerificationData.rfc3161Timestamps"
    stamp = second["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]
    other = keyless(S.keyless(KEYS["P-256"], identity="https://else.example"))
    borrowed = changed(good, (entry, other["verificationMaterial"]["tlogEntries"][0]))
    late = S.SIGNED + DAY
    cases: dict[str, tuple[Document, str]] = {
        "keyless": (good, ""),
        "keyless-v0.1": (keyless(version=1), ""),
        "keyless-v0.2": (keyless(version=2), ""),
        "keyless-v0.1-promise-only": (changed(keyless(version=1), (f"{entry}.inclusionProof", ...)), ""),
        "keyless-v0.1-no-promise": (
            changed(keyless(version=1), (f"{entry}.inclusionPromise", ...)),
            "log-invalid",
        ),
        "keyless-no-proof": (changed(good, (f"{entry}.inclusionProof", ...)), "log-invalid"),
        "keyless-no-checkpoint": (changed(good, (f"{entry}.inclusionProof.checkpoint", ...)), "log-invalid"),
        "keyless-no-promise": (changed(good, (f"{entry}.inclusionPromise", ...)), "no-trusted-time"),
        "keyless-wrong-index": (changed(good, (f"{entry}.inclusionProof.logIndex", "1")), "log-invalid"),
        "keyless-no-siblings": (changed(good, (f"{entry}.inclusionProof.hashes", [])), "log-invalid"),
        "keyless-other-origin": (
            changed(
                good,
                (f"{entry}.inclusionProof.checkpoint.envelope", note.replace("\u2014 log", "\u2014 dog")),
            ),
            "log-invalid",
        ),
        "keyless-cosigned": (
            changed(
                good,
                (
                    f"{entry}.inclusionProof.checkpoint.envelope",
                    note.replace("\n\n", "\n\n\u2014 witness.example AAAAAAAA\n"),
                ),
            ),
            "",
        ),
        "keyless-backdated": (
            changed(good, (f"{entry}.integratedTime", str(int(S.SIGNED.timestamp()) - 60))),
            "log-invalid",
        ),
        "keyless-no-entry": (changed(good, ("verificationMaterial.tlogEntries", [])), "log-missing"),
        "keyless-borrowed-entry": (borrowed, "log-mismatch"),
        "keyless-late": (keyless(time=late), "certificate-expired"),
        "keyless-early": (keyless(time=S.SIGNED - DAY), "certificate-not-yet-valid"),
        "keyless-not-logged-certificate": (
            keyless(S.keyless(KEYS["P-256"], logged=False)),
            "certificate-transparency",
        ),
        "keyless-tls": (
            keyless(S.keyless(KEYS["P-256"], usage=ExtendedKeyUsageOID.SERVER_AUTH)),
            "certificate-usage",
        ),
        "keyless-other-identity": (other, "identity-mismatch"),
        "keyless-other-issuer": (
            keyless(S.keyless(KEYS["P-256"], issuer="https://else.example")),
            "issuer-mismatch",
        ),
        "keyless-asks-nothing-of-a-key": (changed(by_key(about())), "material"),
        "tiles": (second, ""),
        "tiles-not-stamped": (keyless_2(stamped=False), "no-trusted-time"),
        "tiles-stamped-late": (keyless_2(at=late), "certificate-expired"),
        "tiles-stamped-twice": (changed(second, (stamps, [stamp, stamp])), "timestamp-invalid"),
        "tiles-other-stamp": (
            changed(second, (f"{stamps}.0.signedTimestamp", S.b64(S.timestamp(b"else")))),
            "timestamp-invalid",
        ),
        "tiles-junk-stamp": (
            changed(second, (f"{stamps}.0.signedTimestamp", S.b64(b"junk"))),
            "timestamp-invalid",
        ),
    }
    folder = who | {"path": "model"}
    return {name: (bundle, code, who) for name, (bundle, code) in cases.items()} | {
        "keyless-folder": (keyless_envelope(statement(), "dsse"), "", folder),
        "keyless-folder-other-file": (
            keyless_envelope(statement(MODEL | {"a.bin": b""}), "dsse"),
            "file-changed",
            folder,
        ),
        "keyless-intoto": (keyless_envelope(about(), "intoto"), "", who),
        "keyless-intoto-other-file": (keyless_envelope(about("0" * 64), "intoto"), "subject-digest", who),
        "keyless-unknown-log": (good, "log-unknown", who | {"trusted_root": "other_root.json"}),
        "keyless-root-without-start": (good, "trusted-root", who | {"trusted_root": "bad_root.json"}),
    }


def write(folder: Path) -> None:
    """Write everything below `folder`."""
    (folder / "keys").mkdir(parents=True)
    for name, data in MODEL.items():
        place = folder / "model" / name.replace(".git", "dot-git")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    (folder / "file.bin").write_bytes(FILE)
    for name, private in KEYS.items():
        (folder / "keys" / f"{name}.pub").write_bytes(S.spki(private, Encoding.PEM))
    root = S.trusted_root()
    bad = changed(root, ("tlogs.0.publicKey.validFor", {"end": "2030-01-01T00:00:00Z"}))
    for name, document in {"trusted_root": root, "other_root": root | {"tlogs": []}, "bad_root": bad}.items():
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="ascii")
    table = []
    for name, (bundle, code, arguments) in (folders() | files() | keyless_cases() | chains(folder)).items():
        data = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
        (folder / f"{name}.sig").write_bytes(data)
        path = "model" if name.startswith(("chain", "key-asked")) else "file.bin"
        table.append({"name": name, "code": code, "path": path} | arguments)
    lines = ",\n".join(json.dumps(row) for row in table)
    (folder / "cases.json").write_text(f"[\n{lines}\n]\n", encoding="ascii")


if __name__ == "__main__":
    shutil.rmtree(HERE / "data", ignore_errors=True)
    write(HERE / "data")
