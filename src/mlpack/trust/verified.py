"""What verification returns: a bundle that fulfils a policy."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlpack.errors import ContentMismatchError, FormatError, UsageError

if TYPE_CHECKING:
    import datetime as dt

    from mlpack.format.manifest import Manifest
    from mlpack.format.stored import StoredFile
    from mlpack.show.facts import Facts, Level, Section
    from mlpack.trust.attestation import Attestation
    from mlpack.trust.policy import Policy
    from mlpack.trust.signer_rules import SignerKind
    from mlpack.trust.verdict import RuleResult

__all__ = ["VerifiedBundle", "VerifiedSigner"]


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedSigner:
    """Who signed.

    Attributes:
        name: Name in the policy.
        fingerprint: Key that signed, as `sha256:<hex>`; a keyless signature's key was used for that one only.
        kind: How the signer is recognised.
        identity: Who it is: the identity in a Sigstore certificate, or a private certificate's subject.
        issuer: Who authenticated a Sigstore identity.
        serial: The certificate's serial number, in hex.
        time: When it signed, at the latest, as a time stamper or a log states; None without trusted time.
    """

    name: str
    fingerprint: str
    kind: SignerKind = "key"
    identity: str = ""
    issuer: str = ""
    serial: str = ""
    time: dt.datetime | None = None

    @property
    def principal(self) -> str:
        """Who this is, whatever a policy calls it: two signatures of one principal count once."""
        if self.kind == "identity":
            return f"identity {self.identity} by {self.issuer}"
        return f"certificate {self.identity}" if self.kind == "certificate" else f"key {self.fingerprint}"

    def __str__(self) -> str:
        """Return who signed, and when, in one line."""
        who = self.fingerprint
        if self.kind == "identity":
            who = f"{self.identity}, vouched for by {self.issuer}"
        elif self.kind == "certificate":
            who = f"{self.identity}, certificate {self.serial}"
        when = f"trusted time {self.time:%Y-%m-%dT%H:%M:%SZ}" if self.time else "no trusted time"
        return f"{self.name} ({who}), {when}"


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedBundle:
    """A bundle that fulfilled a policy. `mlpack.verify` makes it; what it says held for the bytes read then.

    Attributes:
        path: Where the bytes were; `read` hashes them again.
        digest: `bundle:sha256:<hex>`: pin this.
        manifest: Parsed from the bytes that were hashed.
        files: Path -> hex SHA-256 of every file that is covered.
        signer: Who signed; None when the policy asked for digests only.
        policy: What it was checked against.
        rules: What became of every step and every rule.
        signers: Everybody whose signature of this bundle counts, once each; `signer` is the first.
        attestations: Attestations that the bundle carries, those that do not count included.
    """

    path: Path
    digest: str
    manifest: Manifest
    files: Mapping[str, str]
    signer: VerifiedSigner | None
    policy: Policy
    rules: tuple[RuleResult, ...] = ()
    signers: tuple[VerifiedSigner, ...] = ()
    attestations: tuple[Attestation, ...] = ()

    @property
    def name(self) -> str:
        """Name of the bundle."""
        return self.manifest.name

    @property
    def version(self) -> str:
        """Version of the bundle."""
        return self.manifest.version

    def read(self, path: str) -> bytes:
        """Return one file's bytes if they are still the verified ones.

        Args:
            path: A path of `files`.

        Raises:
            UsageError: The bundle has no such file.
            ContentMismatchError: The bytes are others by now, or gone.
            StorageError: The bundle as a whole is gone.
        """
        from mlpack.format.opening import read_hashed

        if path not in self.files:
            raise UsageError("not a verified file of this bundle", where=path)
        try:
            return read_hashed(self.path, path, self.files)
        except FormatError as error:
            raise ContentMismatchError(error.message, where=error.where) from error

    def copy(self, path: str, target: Path) -> StoredFile:
        """Copy one file to a new private one, if its bytes are still the verified ones.

        Args:
            path: A path of `files`.
            target: Where to; nothing may be there.

        Raises:
            UsageError: The bundle has no such file.
            ContentMismatchError: The bytes are others by now, or gone.
            StorageError: The bundle as a whole is gone, or the copy cannot be written.
        """
        from mlpack.format.opening import copy_hashed

        if path not in self.files:
            raise UsageError("not a verified file of this bundle", where=path)
        try:
            return copy_hashed(self.path, path, self.files, target)
        except FormatError as error:
            raise ContentMismatchError(error.message, where=error.where) from error

    def facts(self, *, explain: bool = False) -> Facts:
        """Return what there is to say: the identity, who vouches for it, under which policy, from where.

        Args:
            explain: Whether to add every rule with its verdict, and the attestations that no rule asked for.
        """
        from mlpack.show.facts import Facts, Section

        signer = "not asked for: the policy pins digests"
        level: Level = "plain"
        if self.signer is not None:
            signer, level = str(self.signer), "good"
        policy = self.policy
        return Facts(
            title=f"{self.name} {self.version}: verified",
            sections=(
                Section(
                    title="Verified",
                    pairs=(
                        ("bundle (pin this)", self.digest, "good"),
                        ("signer", signer, level),
                        ("policy", f"{policy.id} {policy.version}, from {policy.source}", "plain"),
                        ("policy digest", f"policy:sha256:{policy.sha256}", "plain"),
                        ("source", f"{self.path} (transport only)", "plain"),
                        ("covered", f"{len(self.files) + 1} files", "plain"),
                    ),
                ),
                *(self._explained() if explain else ()),
            ),
        )

    def _explained(self) -> tuple[Section, ...]:
        from mlpack.show.facts import Section, Table
        from mlpack.trust.requirements import unevaluated
        from mlpack.trust.verdict import verdict_section

        sections = [verdict_section(result.row for result in self.rules)]
        if others := unevaluated(self.policy.require, self.attestations):
            table = Table(columns=("attestation", "what it is worth"), rows=tuple(others))
            sections.append(Section(title="Other attestations", table=table))
        return tuple(sections)

    def _repr_html_(self) -> str:
        from mlpack.show.html import render_html

        return render_html(self.facts())
