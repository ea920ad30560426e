"""Who says so: keys, signatures, policies and verification."""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers know the name; importing typing would cost more than all the rest
if TYPE_CHECKING:
    from mlpack.trust.attestation import Attestation
    from mlpack.trust.attesting import attest, countersign
    from mlpack.trust.keys import KeySigner, PublicKey, Signer, generate_key
    from mlpack.trust.policy import UNSIGNED, Policy, SignerRule
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
    from mlpack.trust.verdict import RuleResult
    from mlpack.trust.verified import VerifiedBundle, VerifiedSigner

__all__ = [
    "UNSIGNED",
    "Accepted",
    "Attestation",
    "Evidence",
    "KeySigner",
    "Licenses",
    "MinimumAge",
    "Policy",
    "PublicKey",
    "Require",
    "Revocation",
    "RuleResult",
    "Signer",
    "SignerRule",
    "Threshold",
    "VerifiedBundle",
    "VerifiedSigner",
    "Vulnerabilities",
    "attest",
    "countersign",
    "generate_key",
]

_HOME = {
    "UNSIGNED": "policy",
    "Accepted": "rules",
    "Attestation": "attestation",
    "Evidence": "rules",
    "KeySigner": "keys",
    "Licenses": "rules",
    "MinimumAge": "rules",
    "Policy": "policy",
    "PublicKey": "keys",
    "Require": "rules",
    "Revocation": "rules",
    "RuleResult": "verdict",
    "Signer": "keys",
    "SignerRule": "policy",
    "Threshold": "rules",
    "VerifiedBundle": "verified",
    "VerifiedSigner": "verified",
    "Vulnerabilities": "rules",
    "attest": "attesting",
    "countersign": "attesting",
    "generate_key": "keys",
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
