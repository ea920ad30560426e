"""Entries of transparency logs: the log's promise, its Merkle proof and its checkpoint.

Source: RFC 6962, 2.1.1; transparency-dev/formats, log; sigstore/protobuf-specs, sigstore_rekor.proto.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
import re
from collections.abc import Sequence

from mlpack.errors import VerificationError
from mlpack.trust.proof.anchors import Log
from mlpack.trust.proof.material import InclusionProof, LogEntry
from mlpack.trust.proof.refusals import refused

__all__ = ["logged_times", "verify_entry"]

_MAX_NOTE = 64 * 1024
_SIGNATURE = re.compile("\u2014 (\\S{1,512}) ([A-Za-z0-9+/]{1,4096}={0,2})")
_MAX_LINES = 64


def logged_times(
    entries: Sequence[LogEntry], logs: Sequence[Log], *, version: int, stamped: Sequence[dt.datetime]
) -> list[dt.datetime]:
    """Check every entry, and return the times that logs promised; the arguments are those of `verify_entry`.

    Raises:
        VerificationError: `log-unknown` or `log-invalid`.
    """
    found = (verify_entry(entry, logs, version=version, stamped=stamped) for entry in entries)
    return [time for time in found if time is not None]


def verify_entry(
    entry: LogEntry, logs: Sequence[Log], *, version: int, stamped: Sequence[dt.datetime] = ()
) -> dt.datetime | None:
    """Check that a known log holds `entry`; return when, if the log promised that in signed form.

    Args:
        entry: The entry.
        logs: The logs that count.
        version: Of the bundle: v0.1 needs the promise, later ones the proof.
        stamped: Trusted times of the signature, at which a log that promises none must have counted.

    Raises:
        VerificationError: `log-unknown` or `log-invalid`.
    """
    known = [log for log in logs if log.identifier == entry.log]
    if not known:
        raise refused("log-unknown", "the entry is from a log that the trusted root does not name")
    if not entry.promise and version == 1:
        raise _invalid("no inclusion promise")
    proof = entry.proof
    if proof is not None and not proof.checkpoint and version == 1:
        proof = None  # worth nothing without a checkpoint, and the promise decides
    if proof is None and version > 1:
        raise _invalid("no inclusion proof")
    failure: VerificationError | None = None
    for log in known:
        try:
            return _verify(entry, proof, log, stamped)
        except VerificationError as error:
            failure = error
    raise failure or _invalid("not held")


def _verify(
    entry: LogEntry, proof: InclusionProof | None, log: Log, stamped: Sequence[dt.datetime]
) -> dt.datetime | None:
    if proof is not None:
        _verify_inclusion(entry.body, proof)
        _verify_checkpoint(proof, log)
    if not entry.promise:
        if not all(log.period.covers(time) for time in stamped):
            raise _invalid("the entry is from a time when the log did not count")
        return None
    if not entry.integrated:
        raise _invalid("an inclusion promise without a time")
    _verify_promise(entry, log)
    time = dt.datetime.fromtimestamp(min(entry.integrated, 2**37), tz=dt.UTC)
    if not log.period.covers(time):
        raise _invalid("the entry is from a time when the log did not count")
    return time


def _verify_promise(entry: LogEntry, log: Log) -> None:
    """Check the signed entry timestamp, over canonical JSON (RFC 8785 of four plain members)."""
    promised = {
        "body": base64.b64encode(entry.body).decode("ascii"),
        "integratedTime": entry.integrated,
        "logID": entry.log.hex(),
        "logIndex": entry.index,
    }
    data = json.dumps(promised, separators=(",", ":"), sort_keys=True).encode("ascii")
    if not log.key.signed(entry.promise, data, log.algorithms):
        raise _invalid("the inclusion promise is not signed by the log")


def _verify_inclusion(body: bytes, proof: InclusionProof) -> None:
    """Recompute the root of the tree from the entry up (RFC 6962, 2.1.1)."""
    if not 0 <= proof.index < proof.size:
        raise _invalid("the entry's index is outside the tree")
    node = hashlib.sha256(b"\x00" + body).digest()
    index, last = proof.index, proof.size - 1
    for sibling in proof.hashes:
        if last == 0:
            raise _invalid("the inclusion proof is too long")
        if index & 1 or index == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while index & 1 == 0 and index:
                index >>= 1
                last >>= 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        index >>= 1
        last >>= 1
    if last or node != proof.root:
        raise _invalid("the inclusion proof does not lead to the root")


def _verify_checkpoint(proof: InclusionProof, log: Log) -> None:
    """Check that the log signed this root and size; other signatures of the note are left alone."""
    text = proof.checkpoint
    if len(text) > _MAX_NOTE or text.count("\n\n") != 1 or not text.endswith("\n"):
        raise _invalid("the checkpoint is not a signed note")
    head, _, tail = text.partition("\n\n")
    lines, signatures = head.split("\n"), tail[:-1].split("\n")
    if len(lines) < 3 or not lines[0] or len(signatures) > _MAX_LINES:
        raise _invalid("the checkpoint is not a signed note")
    if lines[1] != str(proof.size) or lines[2] != base64.b64encode(proof.root).decode("ascii"):
        raise _invalid("the checkpoint is about another tree")
    for line in signatures:
        match = _SIGNATURE.fullmatch(line)
        if match is None:
            raise _invalid("the checkpoint has a malformed signature line")
        if _by_log(match[1], match[2], lines[0], (head + "\n").encode("utf-8", "replace"), log):
            return
    raise _invalid("the checkpoint is not signed by the log")


def _by_log(name: str, encoded: str, origin: str, note: bytes, log: Log) -> bool:
    if origin != name and not origin.startswith(name + " - "):
        return False
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    if blob[:4] != log.checkpoint_identifier[:4]:
        return False
    return log.key.signed(blob[4:], note, log.algorithms)


def _invalid(message: str) -> VerificationError:
    return refused("log-invalid", message, where="log entry")
