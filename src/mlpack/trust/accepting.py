"""Which of the signers that a policy names made a signature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlpack.errors import SignatureInvalidError, UntrustedSignerError
from mlpack.format.names import SIGNATURE
from mlpack.trust.verified import VerifiedSigner

if TYPE_CHECKING:
    from mlpack.trust.envelope import Envelope
    from mlpack.trust.policy_file import SignerRule

__all__ = ["accept_signer"]


def accept_signer(envelope: Envelope, signers: Sequence[SignerRule]) -> VerifiedSigner:
    """Return who signed, if it is one of these signers.

    Raises:
        UntrustedSignerError: It says that it is by another key, or says nothing and no key fits.
        SignatureInvalidError: It says that it is by one of these keys, and is not.
    """
    rule = _signing_rule(envelope, signers)
    return VerifiedSigner(name=rule.name, fingerprint=rule.key.fingerprint)


def _signing_rule(envelope: Envelope, signers: Sequence[SignerRule]) -> SignerRule:
    """Return the policy's signer whose key verifies the signature.

    Raises:
        UntrustedSignerError: It says that it is by another key, or says nothing and no key fits.
        SignatureInvalidError: It says that it is by a key of the policy, and is not.
    """
    named = [rule for rule in signers if rule.key.hint == envelope.hint]
    if envelope.hint and named:
        envelope.verify(named[0].key)
        return named[0]
    if not envelope.hint:
        for rule in signers:
            try:
                envelope.verify(rule.key)
            except SignatureInvalidError:
                continue
            return rule
    accepted = ", ".join(f"{rule.name} ({rule.key.fingerprint[:19]}...)" for rule in signers[:10])
    raise UntrustedSignerError(
        f"signed by a key that the policy does not name; it names {accepted}", where=SIGNATURE
    )
