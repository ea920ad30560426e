"""Every public error of mlpack.

MlpackError                      code, where, hint
├─ FormatError (ValueError)      a document or a container breaks the bundle format
│   ├─ UnsupportedVersionError   the bundle needs a newer reader
│   └─ UnsafePathError           a name that must not reach a file system
├─ PackError                     a model cannot become a bundle
│   ├─ ModelError                the model is unfitted, unknown or not usable
│   ├─ ExampleError (ValueError) the example is empty, of a wrong type, or the model rejects it
│   ├─ ExportError               no route of the export ladder agrees with the model
│   ├─ LockError                 the environment cannot be locked
│   └─ PluginError               an emitter of another distribution is broken
├─ SecretError                   what is about to be written or signed looks like a secret
├─ TargetExistsError             writing would replace something
├─ StorageError                  the disk said no
├─ RegistryError                 a registry, or the way to it, said no
├─ SigningError                  a key or an identity is not usable for signing
├─ PolicyError (ValueError)      a policy is malformed or missing
├─ VerificationError             the only error that verification raises
│   ├─ SignatureInvalidError     cryptography says no
│   ├─ UntrustedSignerError      the policy does not name this signer
│   ├─ ContentMismatchError      files differ from what was signed, or break the format
│   ├─ PolicyViolationError      validly signed, but a rule of the policy does not hold
│   └─ HistoryError              a signed history was tampered with, or is too old to rely on
├─ ParityError                   this machine's runtime does not reproduce the golden rows
├─ InputError (ValueError)       rows break the input contract
├─ UsageError (ValueError)       an argument has the wrong type or value
└─ MissingExtraError (ImportError)  an optional library is not installed
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "ContentMismatchError",
    "ExampleError",
    "ExportError",
    "FormatError",
    "HistoryError",
    "InputError",
    "LockError",
    "MissingExtraError",
    "MlpackError",
    "ModelError",
    "PackError",
    "ParityError",
    "PluginError",
    "PolicyError",
    "PolicyViolationError",
    "RegistryError",
    "SecretError",
    "SignatureInvalidError",
    "SigningError",
    "StorageError",
    "TargetExistsError",
    "UnsafePathError",
    "UnsupportedVersionError",
    "UntrustedSignerError",
    "UsageError",
    "VerificationError",
]


class MlpackError(Exception):
    """Base of every error that mlpack raises on purpose.

    Attributes:
        code: A stable word for programs to compare, never reworded.
        where: The place at fault: a path in a document, a file, a column. May be empty.
        hint: What the reader can do about it. May be empty.
        problems: Every single finding, when one check found several; otherwise empty.
    """

    default_code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        where: str = "",
        hint: str = "",
        problems: tuple[str, ...] = (),
    ) -> None:
        """Keep the message and the fields that programs read."""
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.where = where
        self.hint = hint
        self.problems = problems

    def __str__(self) -> str:
        """Return the message with its place, its findings and its hint, for a person."""
        head = f"{self.where}: {self.message}" if self.where else self.message
        lines = [head, *(f"  - {problem}" for problem in self.problems)]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class FormatError(MlpackError, ValueError):
    """A document or a container breaks the bundle format."""

    default_code = "format"


class UnsupportedVersionError(FormatError):
    """The bundle declares a format version or a feature that this reader does not know."""

    default_code = "unsupported-version"


class UnsafePathError(FormatError):
    """A name that must never reach a file system."""

    default_code = "unsafe-path"


class PackError(MlpackError):
    """A model cannot become a bundle."""

    default_code = "pack"


class ModelError(PackError):
    """The model is not fitted, not of a known kind, or lacks a method that was asked for."""

    default_code = "model"


class ExampleError(PackError, ValueError):
    """The example is empty, of an unsupported type, or rejected by the model itself."""

    default_code = "example"


class ExportError(PackError):
    """No route of the export ladder agrees with the model within the certificate asked for."""

    default_code = "export"


class LockError(PackError):
    """The environment cannot be locked for the platforms asked for."""

    default_code = "lock"


class PluginError(PackError):
    """An emitter of another distribution, which this model needs, is broken."""

    default_code = "plugin"


class SecretError(MlpackError):
    """What is about to be written or signed holds what looks like a secret; the message never quotes it."""

    default_code = "secret"


class TargetExistsError(MlpackError):
    """Writing would replace an existing file or directory."""

    default_code = "target-exists"


class StorageError(MlpackError):
    """The file system refused to read or write: full, read-only, missing or forbidden."""

    default_code = "storage"


class RegistryError(MlpackError):
    """A registry or an OCI layout refused, could not be reached, or sent what was not asked for."""

    default_code = "registry"


class SigningError(MlpackError):
    """A key or an identity cannot be used for signing."""

    default_code = "signing"


class PolicyError(MlpackError, ValueError):
    """A policy is malformed, or there is none where one is needed."""

    default_code = "policy"


class VerificationError(MlpackError):
    """A bundle was refused. Verification raises this class and its children, and nothing else.

    Attributes:
        verdict: (rule, `pass`, `fail` or `not assessed`, reason) of every step and rule that was looked at.
    """

    default_code = "not-verified"
    verdict: tuple[tuple[str, str, str], ...] = ()


class SignatureInvalidError(VerificationError):
    """There is no signature, it is malformed, or cryptography says that it does not hold."""

    default_code = "signature-invalid"


class UntrustedSignerError(VerificationError):
    """The signature is not by a signer that the policy names."""

    default_code = "untrusted-signer"


class ContentMismatchError(VerificationError):
    """The files differ from what was signed, or break the bundle format."""

    default_code = "content-mismatch"


class PolicyViolationError(VerificationError):
    """The signature holds, but another rule of the policy does not."""

    default_code = "policy-violation"


class HistoryError(VerificationError):
    """A signed history was cut off, forked, moved or exchanged, or is too old to rely on."""

    default_code = "history"


class ParityError(MlpackError):
    """The runtime on this machine does not reproduce the bundle's golden rows."""

    default_code = "parity"


class InputError(MlpackError, ValueError):
    """Rows break the input contract; no value of a row is ever quoted in the message."""

    default_code = "input"


class UsageError(MlpackError, ValueError):
    """An argument has the wrong type or an impossible value."""

    default_code = "usage"


class MissingExtraError(MlpackError, ImportError):
    """An optional library is needed; the hint names what to install."""

    default_code = "missing-extra"
