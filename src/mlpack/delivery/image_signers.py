"""Who signs an image: which forms they can make, and which they have made before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlpack.delivery.image_evidence import collect_evidence
from mlpack.errors import PolicyError, SigningError, VerificationError
from mlpack.trust.images import check_image
from mlpack.trust.keys import Sealer, Signer
from mlpack.trust.policy import Policy
from mlpack.trust.proof.signature import parse_signature

if TYPE_CHECKING:
    from mlpack.oci.descriptors import Stored
    from mlpack.oci.stores import Store
    from mlpack.trust.certificate_signer import CertificateSigner

__all__ = ["check_signer", "forms_present", "has_legacy_form", "label"]


def label(signer: Signer | Sealer) -> str:
    """Return who signs, in one line."""
    return signer.label() if isinstance(signer, Sealer) else signer.public_key.fingerprint


def check_signer(signer: Signer | Sealer) -> None:
    """Return if cosign can verify what this signer makes.

    Raises:
        SigningError: It cannot.
    """
    key = getattr(signer, "public_key", None)  # a keyless signer has none: its services choose the curve
    # cosign, and the controllers built on it, check a key of any curve with SHA-256; ours follows the curve.
    if key is not None and key.curve != "P-256":
        raise SigningError(
            f"a key on {key.curve}; cosign and cluster policies verify images with P-256 only",
            where=key.fingerprint,
            hint="mlpack keygen makes a P-256 key",
        )


def has_legacy_form(sealed: bytes) -> bool:
    """Tell whether what proves a signature has a place in the form `legacy`: proofs of Rekor v2 have none."""
    return all(entry.promise for entry in parse_signature(sealed).entries)


def forms_present(store: Store, stored: Stored, signer: Signer | Sealer) -> frozenset[str]:
    """Return the forms in which this signer has signed a manifest before, as far as one can tell."""
    try:
        policy = _own_policy(signer)
        if policy is None:
            return frozenset()
        verified = check_image(collect_evidence(store, stored), policy)
    except (VerificationError, PolicyError):  # such as an identity that no policy could name
        return frozenset()
    return frozenset(item.form for item in verified.signatures)


def _own_policy(signer: Signer | Sealer) -> Policy | None:
    """Return the policy that accepts this signer alone; None when none can say that."""
    from mlpack.trust.certificate_signer import CertificateSigner
    from mlpack.trust.sigstore_signing import SigstoreSigner

    if isinstance(signer, CertificateSigner):
        return _certificate_policy(signer)
    if isinstance(signer, SigstoreSigner):
        identity, issuer = signer.identity()
        return Policy.from_identity(identity, issuer, trusted_root=signer.trusted_root())
    return None if isinstance(signer, Sealer) else Policy.from_key(signer.public_key)


def _certificate_policy(signer: CertificateSigner) -> Policy | None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    leaf, *above = (x509.load_der_x509_certificate(der) for der in signer.chain)
    if not above:
        return None  # nobody here knows its authority
    pem = "".join(item.public_bytes(Encoding.PEM).decode("ascii") for item in above)
    return Policy.from_certificate(pem, leaf.subject.rfc4514_string())
