"""Who says so: keys, signatures, policies and verification."""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers know the name; importing typing would cost more than all the rest
if TYPE_CHECKING:
    from mlpack.trust.foreign.signing import sign_files
    from mlpack.trust.foreign.verifying import VerifiedSignature, verify_signature
    from mlpack.trust.keys import KeySigner, PublicKey, Signer, generate_key
    from mlpack.trust.policy import UNSIGNED, Policy, SignerRule
    from mlpack.trust.verified import VerifiedBundle, VerifiedSigner

__all__ = [
    "UNSIGNED",
    "KeySigner",
    "Policy",
    "PublicKey",
    "Signer",
    "SignerRule",
    "VerifiedBundle",
    "VerifiedSignature",
    "VerifiedSigner",
    "generate_key",
    "sign_files",
    "verify_signature",
]

_HOME = {
    "UNSIGNED": "policy",
    "KeySigner": "keys",
    "Policy": "policy",
    "PublicKey": "keys",
    "Signer": "keys",
    "SignerRule": "policy",
    "VerifiedBundle": "verified",
    "VerifiedSignature": "foreign.verifying",
    "VerifiedSigner": "verified",
    "generate_key": "keys",
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
