"""Keyless signatures: a short-lived certificate, and a public log that recorded its use. No network is used.

Chain, certificate transparency, timestamps, inclusion proof and promise, and that the log entry is about
this signature: all of it is checked against the policy's trusted root. Who may sign is `accepting`'s.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING

from mlpack.trust.certificates import Leaf, read_leaf
from mlpack.trust.envelope import PAYLOAD_TYPE, Envelope
from mlpack.trust.proof.certificate import parse_certificate
from mlpack.trust.proof.entry import Signed, match_entry
from mlpack.trust.proof.keyless import require_sigstore_chain
from mlpack.trust.proof.log import logged_times
from mlpack.trust.proof.refusals import refused
from mlpack.trust.proof.timestamp import stamped_times

if TYPE_CHECKING:
    from mlpack.trust.trusted_root import TrustedRoot

__all__ = ["verify_keyless"]

_HASHES = ("sha256", "sha384", "sha512")


def verify_keyless(envelope: Envelope, root: TrustedRoot) -> tuple[Leaf, dt.datetime]:
    """Return who signed and the earliest trusted time, if the signature holds under `root`.

    Raises:
        SignatureInvalidError: Signature, log entry, timestamp or certificate do not hold.
        UntrustedSignerError: The certificate is not by the authority of `root`, or was not valid then.
    """
    material, anchors = envelope.material, root.anchors
    leaf = read_leaf(material.certificates[0])
    envelope.verify(leaf.key)
    stamped = stamped_times(material.timestamps, envelope.signature, anchors.clocks)
    if material.timestamps and not stamped:
        raise refused("timestamp-invalid", "no timestamp is by an authority of the trusted root")
    logged = logged_times(material.entries, anchors.logs, version=material.version, stamped=stamped)
    times = [*stamped, *logged]
    require_sigstore_chain(parse_certificate(leaf.der), (), anchors, times)
    signed = Signed(
        signature=envelope.signature,
        verifier=leaf.der,
        certified=True,
        payload=None if envelope.detached else envelope.payload,
        payload_type=PAYLOAD_TYPE,
        digests={name: hashlib.new(name, envelope.signed).digest() for name in _HASHES},
    )
    for entry in material.entries:
        match_entry(entry, signed)
    return leaf, min(times)
