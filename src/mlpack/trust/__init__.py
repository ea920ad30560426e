"""Who says so: keys, signatures, policies and verification."""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers know the name; importing typing would cost more than all the rest
if TYPE_CHECKING:
    from mlpack.trust.attestation import Attestation
    from mlpack.trust.attesting import attest, countersign
    from mlpack.trust.certificate_signer import CertificateSigner, KmsSigner
    from mlpack.trust.certificates import Roots
    from mlpack.trust.foreign.signing import sign_files
    from mlpack.trust.foreign.verifying import VerifiedSignature, verify_signature
    from mlpack.trust.identities import CiRule
    from mlpack.trust.keys import KeySigner, PublicKey, Sealer, Signer, generate_key
    from mlpack.trust.policy import Policy
    from mlpack.trust.rules import (
        Accepted,
        Evidence,
        Licenses,
        MinimumAge,
        Require,
        Revocation,
        Threshold,
        Vulnerabilities,
    )
    from mlpack.trust.scanning import ScanReport, scan
    from mlpack.trust.signer_rules import SignerRule
    from mlpack.trust.sigstore_signing import SigstoreSigner
    from mlpack.trust.trusted_root import TrustedRoot
    from mlpack.trust.unsigned import UNSIGNED
    from mlpack.trust.verdict import RuleResult
    from mlpack.trust.verified import VerifiedBundle, VerifiedSigner

__all__ = [
    "UNSIGNED",
    "Accepted",
    "Attestation",
    "CertificateSigner",
    "CiRule",
    "Evidence",
    "KeySigner",
    "KmsSigner",
    "Licenses",
    "MinimumAge",
    "Policy",
    "PublicKey",
    "Require",
    "Revocation",
    "Roots",
    "RuleResult",
    "ScanReport",
    "Sealer",
    "Signer",
    "SignerRule",
    "SigstoreSigner",
    "Threshold",
    "TrustedRoot",
    "VerifiedBundle",
    "VerifiedSignature",
    "VerifiedSigner",
    "Vulnerabilities",
    "attest",
    "countersign",
    "generate_key",
    "scan",
    "sign_files",
    "verify_signature",
]

_HOME = {
    "UNSIGNED": "unsigned",
    "Accepted": "rules",
    "Attestation": "attestation",
    "CertificateSigner": "certificate_signer",
    "CiRule": "identities",
    "Evidence": "rules",
    "KeySigner": "keys",
    "KmsSigner": "certificate_signer",
    "Licenses": "rules",
    "MinimumAge": "rules",
    "Policy": "policy",
    "PublicKey": "keys",
    "Require": "rules",
    "Revocation": "rules",
    "Roots": "certificates",
    "RuleResult": "verdict",
    "ScanReport": "scanning",
    "Sealer": "keys",
    "Signer": "keys",
    "SignerRule": "signer_rules",
    "SigstoreSigner": "sigstore_signing",
    "Threshold": "rules",
    "TrustedRoot": "trusted_root",
    "VerifiedBundle": "verified",
    "VerifiedSignature": "foreign.verifying",
    "VerifiedSigner": "verified",
    "Vulnerabilities": "rules",
    "attest": "attesting",
    "countersign": "attesting",
    "generate_key": "keys",
    "scan": "scanning",
    "sign_files": "foreign.signing",
    "verify_signature": "foreign.verifying",
}
"""Which module each name lives in; nothing of it is imported before it is used (PEP 562)."""


def __getattr__(name: str) -> object:
    import importlib

    if name in _HOME:
        value = getattr(importlib.import_module(f"mlpack.trust.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'mlpack.trust' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
