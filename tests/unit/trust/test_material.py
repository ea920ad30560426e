from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from mlpack.errors import FormatError
from mlpack.format.documents import Fields
from mlpack.trust.material import Material, parse_material
from mlpack.trust.proof.material import MAX_CHAIN, MAX_TIMESTAMPS, InclusionProof, LogEntry

BYTES = base64.b64encode(b"some bytes").decode()
HASH = base64.b64encode(bytes(32)).decode()


def keyless() -> dict[str, Any]:
    entry = {
        "logIndex": "7",
        "logId": {"keyId": BYTES},
        "kindVersion": {"kind": "dsse", "version": "0.0.1"},
        "integratedTime": "1700000000",
        "inclusionPromise": {"signedEntryTimestamp": BYTES},
        "inclusionProof": {
            "logIndex": "7",
            "treeSize": "8",
            "rootHash": HASH,
            "hashes": [HASH],
            "checkpoint": {"envelope": "text"},
        },
        "canonicalizedBody": BYTES,
    }
    return {
        "certificate": {"rawBytes": BYTES},
        "tlogEntries": [entry],
        "timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": BYTES}]},
    }


def parsed(document: dict[str, Any]) -> Material:
    return parse_material(Fields(json.loads(json.dumps(document)), "material"))


def entry(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["tlogEntries"][0]
    return found


def test_keyless_material_is_read() -> None:
    raw = base64.b64decode(BYTES)
    proof = InclusionProof(index=7, root=bytes(32), size=8, hashes=(bytes(32),), checkpoint="text")
    logged = LogEntry(
        index=7,
        log=raw,
        kind="dsse",
        version="0.0.1",
        integrated=1_700_000_000,
        promise=raw,
        proof=proof,
        body=raw,
    )
    assert parsed(keyless()) == Material(
        kind="keyless", certificates=(raw,), timestamps=(raw,), entries=(logged,)
    )


def test_counts_may_be_numbers() -> None:
    document = keyless()
    document["tlogEntries"][0].update(logIndex=7, integratedTime=1_700_000_000)
    assert parsed(document) == parsed(keyless())


@pytest.mark.parametrize(
    "absent", [{}, {"timestampVerificationData": None}, {"timestampVerificationData": {}}]
)
def test_there_may_be_no_timestamps(absent: dict[str, Any]) -> None:
    document = keyless()
    del document["timestampVerificationData"]
    assert parsed({**document, **absent}).timestamps == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(publicKey={"hint": "x"}),
        lambda d: d.update(x509CertificateChain={"certificates": [{"rawBytes": BYTES}]}),
        lambda d: d.pop("certificate"),
        lambda d: d.update(extra=1),
        lambda d: d["certificate"].update(extra=1),
        lambda d: d["certificate"].update(rawBytes=BYTES + "\n"),
        lambda d: d["certificate"].update(rawBytes=""),
        lambda d: d.update(tlogEntries=[]),
        lambda d: d.update(tlogEntries=d["tlogEntries"] * 2),
        lambda d: d.update(tlog_entries=d["tlogEntries"]),
        lambda d: entry(d).update(logIndex="-1"),
        lambda d: entry(d).update(logIndex="07"),
        lambda d: entry(d).update(logIndex=True),
        lambda d: entry(d).update(logIndex=1.5),
        lambda d: entry(d).update(logIndex="9" * 20),
        lambda d: entry(d).update(extra=1),
        lambda d: entry(d).pop("inclusionProof"),
        lambda d: entry(d).pop("kindVersion"),
        lambda d: entry(d).update(canonicalizedBody="*"),
        lambda d: entry(d)["inclusionProof"].update(hashes=[HASH] * 65),
        lambda d: entry(d)["inclusionProof"].update(hashes=["*"]),
        lambda d: entry(d)["inclusionProof"].update(hashes=[BYTES]),
        lambda d: entry(d)["inclusionProof"].update(rootHash=BYTES),
        lambda d: entry(d)["inclusionProof"].update(checkpoint={"envelope": "x" * 70_000}),
        lambda d: entry(d)["inclusionProof"].pop("checkpoint"),
        lambda d: entry(d)["inclusionPromise"].update(extra=1),
        lambda d: d["timestampVerificationData"].update(
            rfc3161Timestamps=[{"signedTimestamp": BYTES}, {"signedTimestamp": BYTES}]
        ),
        lambda d: d["timestampVerificationData"].update(
            rfc3161Timestamps=[
                {"signedTimestamp": base64.b64encode(bytes([at])).decode()}
                for at in range(MAX_TIMESTAMPS + 1)
            ]
        ),
        lambda d: d["timestampVerificationData"].update(extra=[]),
    ],
)
def test_every_other_form_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    document = keyless()
    change(document)
    with pytest.raises(FormatError):
        parsed(document)


def test_a_chain_is_read_leaf_first() -> None:
    one, two = (base64.b64encode(text).decode() for text in (b"leaf", b"authority"))
    chain = {"x509CertificateChain": {"certificates": [{"rawBytes": one}, {"rawBytes": two}]}}
    assert parsed(chain).certificates == (b"leaf", b"authority")


@pytest.mark.parametrize("count", [0, MAX_CHAIN + 1])
def test_a_chain_has_a_length(count: int) -> None:
    with pytest.raises(FormatError, match="1 to 10"):
        parsed({"x509CertificateChain": {"certificates": [{"rawBytes": BYTES}] * count}})


def test_a_chain_has_no_log_entry() -> None:
    document = {"x509CertificateChain": {"certificates": [{"rawBytes": BYTES}]}}
    with pytest.raises(FormatError, match="expected none"):
        parsed({**document, "tlogEntries": keyless()["tlogEntries"]})


def test_a_key_has_no_timestamp() -> None:
    times = keyless()["timestampVerificationData"]
    with pytest.raises(FormatError, match="expected none"):
        parsed({"publicKey": {"hint": "x"}, "timestampVerificationData": times})
