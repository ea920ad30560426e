"""Policies: which signers and which bundles a verifier accepts. They never come from a bundle."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlpack.errors import MlpackError, PolicyError
from mlpack.format.documents import compact_json
from mlpack.format.manifest import FormatClass
from mlpack.trust.certificates import Roots
from mlpack.trust.identities import CiRule
from mlpack.trust.keys import PublicKey
from mlpack.trust.pem import read_pem
from mlpack.trust.policy_checks import canonical, check_labels, check_rules, signer_documents
from mlpack.trust.policy_file import POLICY_SCHEMA, parse_policy, read_policy_file, reads_files
from mlpack.trust.signer_rules import SignerRule
from mlpack.trust.trusted_root import TrustedRoot
from mlpack.trust.unsigned import UNSIGNED, Unsigned

if TYPE_CHECKING:  # a policy that has such rules brings them; making these classes takes its time
    from mlpack.trust.history.rule import HistoryRule
    from mlpack.trust.rules import (
        Evidence,
        Licenses,
        MinimumAge,
        Require,
        Revocation,
        Threshold,
        Vulnerabilities,
        When,
    )

__all__ = ["POLICY_SCHEMA", "UNSIGNED", "Policy", "SignerRule", "Unsigned", "policy_from_bytes"]

DEFAULT_FORMATS: tuple[FormatClass, ...] = ("onnx", "data-only")
"""What a policy allows that does not say: formats that cannot execute code."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """What a bundle must fulfil. All rules that are given must hold.

    Attributes:
        id: What the policy is called.
        version: Its own version, free text.
        signers: Accepted signers; one of them must have signed. Empty only with `pins`.
        name: The bundle's name, or None for any name that these signers sign.
        formats: Format classes that may be loaded.
        pins: Accepted bundles, `bundle:sha256:<hex>`; empty for any.
        expires: Last moment at which the policy can be used; None for no end.
        expires_when: Moments at which `expires` is asked.
        attesters: Further signers, whose attestations count but whose signatures of bundles do not.
        threshold: How many different signers must have signed; None for one.
        grandfathered: Bundles that are accepted whoever signed them; every other rule holds for them too.
        format_major: Major version of the bundle format; None for any that this version reads.
        minimum_version: Oldest version of the bundle that is accepted.
        minimum_age: How long ago it must have been signed.
        evidence: What its evidence must show at least.
        allow_code: Names of signers whose bundles may hold code; one of them must have signed.
        licenses: Which licences its components may have.
        vulnerabilities: Gate against known vulnerabilities.
        revoked: What is not trusted any more, whoever signed it.
        require: Attestations that must be there.
        history: What the signed history of its repository must say of it; None to ask nothing.
        schema: Version of the policy format.
        source: Where the policy came from.
        sha256: Hex SHA-256 of its text; of its text's hash and its signers as JSON when it names key files,
            so that it covers them; of its canonical JSON when it was made in a program.
    """

    id: str
    version: str = "1"
    signers: tuple[SignerRule, ...] = ()
    name: str | None = None
    formats: tuple[FormatClass, ...] = DEFAULT_FORMATS
    pins: tuple[str, ...] = ()
    expires: dt.datetime | None = None
    expires_when: When = "admission"
    attesters: tuple[SignerRule, ...] = ()
    threshold: Threshold | None = None
    grandfathered: tuple[str, ...] = ()
    format_major: int | None = None
    minimum_version: str | None = None
    minimum_age: MinimumAge | None = None
    evidence: Evidence | None = None
    allow_code: tuple[str, ...] = ()
    licenses: Licenses | None = None
    vulnerabilities: Vulnerabilities | None = None
    revoked: tuple[Revocation, ...] = ()
    require: tuple[Require, ...] = ()
    history: HistoryRule | None = None
    schema: str = POLICY_SCHEMA
    source: str = field(default="made in this program", compare=False)
    sha256: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Refuse what could never mean anything, or would accept everything.

        Raises:
            PolicyError: A value is unusable, or neither a signer nor a pin is given.
        """
        check_labels(self)
        check_rules(self)
        if not self.sha256:
            object.__setattr__(self, "sha256", hashlib.sha256(canonical(self)).hexdigest())

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Policy:
        """Read policy.yaml; key files in it are relative to it.

        Raises:
            PolicyError: It cannot be read, or breaks the format.
        """
        return policy_from_bytes(read_policy_file(path), base=Path(path).parent, source=str(path))

    @classmethod
    def from_text(cls, text: str, *, source: str = "text") -> Policy:
        """Read the text of a policy.yaml; its keys must be inline, because a text has no folder.

        Raises:
            PolicyError: It breaks the format.
        """
        return policy_from_bytes(text.encode("utf-8", "surrogatepass"), base=None, source=source)

    @classmethod
    def from_key(cls, key: str | os.PathLike[str] | bytes | PublicKey, *, name: str | None = None) -> Policy:
        """Return the policy that accepts one key.

        Args:
            key: Path of a PEM file, PEM text, or a key.
            name: The bundle's name; None accepts any bundle that this key has signed.

        Raises:
            PolicyError: There is no usable public key.
        """
        public, source = _key_and_source(key)
        return cls(id="one key", signers=(SignerRule(name="key", key=public),), name=name, source=source)

    @classmethod
    def from_identity(
        cls,
        identity: str,
        issuer: str,
        *,
        trusted_root: TrustedRoot | Literal["public-good", "staging"] = "public-good",
        github: CiRule | None = None,
        name: str | None = None,
    ) -> Policy:
        """Return the policy that accepts one Sigstore identity.

        Args:
            identity: Pattern of the identity; `*` stands for anything but `/`.
            issuer: Who authenticated it, exactly.
            trusted_root: Sigstore's authorities and logs.
            github: What the CI job behind the identity must fulfil.
            name: The bundle's name; None accepts any bundle that this identity has signed.

        Raises:
            PolicyError: One of them is missing or unusable.
        """
        rule = SignerRule(
            name="identity", identity=identity, issuer=issuer, trusted_root=trusted_root, github=github
        )
        return cls(id="one identity", signers=(rule,), name=name, source=f"identity {identity}")

    @classmethod
    def from_certificate(
        cls,
        roots: str | os.PathLike[str],
        subject: str,
        *,
        trusted_root: TrustedRoot | Literal["public-good", "staging"] | None = None,
        name: str | None = None,
    ) -> Policy:
        """Return the policy that accepts one subject of a private certificate authority.

        Args:
            roots: Path of a PEM file, or PEM text: the authorities that are trusted.
            subject: The certificate's distinguished name, or its single common name.
            trusted_root: Holds the time stampers that are trusted; None trusts no timestamp.
            name: The bundle's name; None accepts any bundle that this subject has signed.

        Raises:
            PolicyError: One of them is missing or unusable.
        """
        rule = SignerRule(name="certificate", roots=_roots(roots), subject=subject, trusted_root=trusted_root)
        return cls(id="one certificate", signers=(rule,), name=name, source=f"subject {subject}")

    @classmethod
    def from_digest(cls, digest: str) -> Policy:
        """Return the policy that accepts exactly one bundle, whoever signed it or not.

        Args:
            digest: `bundle:sha256:<hex>`, as `mlpack verify` prints it.

        Raises:
            PolicyError: The digest is not of that form.
        """
        return cls(id="one digest", pins=(digest,), source="digest")


def policy_from_bytes(data: bytes, *, base: Path | None, source: str) -> Policy:
    """Read the bytes of a policy.yaml.

    Args:
        data: The bytes.
        base: Folder that key files in it are relative to; None when its keys must stand in the text.
        source: Where it came from.

    Raises:
        PolicyError: It breaks the format.
    """
    values = parse_policy(data, base=base, source=source)
    try:
        policy = Policy(**values, source=source, sha256=hashlib.sha256(data).hexdigest())
    except PolicyError as error:
        raise PolicyError(error.message, where=f"{source}.{error.where}", hint=error.hint) from error
    if base is not None and reads_files(data, source=source):
        # Else somebody could exchange a key beside the policy, and its hash would stay the same.
        whole = compact_json({"text": policy.sha256, "signers": signer_documents(policy)})
        object.__setattr__(policy, "sha256", hashlib.sha256(whole).hexdigest())
    return policy


def _key_and_source(key: str | os.PathLike[str] | bytes | PublicKey) -> tuple[PublicKey, str]:
    if isinstance(key, PublicKey):
        return key, f"key {key.fingerprint}"
    try:
        if isinstance(key, bytes) or (isinstance(key, str) and "-----BEGIN" in key):
            public = PublicKey.from_pem(key)
            return public, f"key {public.fingerprint}"
        return PublicKey.from_file(key), f"key file {os.fspath(key)}"
    except MlpackError as error:
        raise PolicyError(error.message, where=error.where, hint=error.hint) from error


def _roots(roots: str | os.PathLike[str]) -> Roots:
    if isinstance(roots, str) and "-----BEGIN" in roots:
        return Roots(pem=roots)
    try:
        return Roots(pem=read_pem(Path(roots)).decode("ascii", "replace"))
    except MlpackError as error:
        raise PolicyError(error.message, where=str(roots), hint=error.hint) from error
