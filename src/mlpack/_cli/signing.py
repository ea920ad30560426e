"""The arguments that say who signs, and the question before anything becomes public."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from mlpack.errors import StorageError, UsageError

if TYPE_CHECKING:
    from mlpack.trust.keys import KeySigner, Sealer, Signer

__all__ = [
    "add_signer_arguments",
    "ask_before_publishing",
    "bundle_subject",
    "chosen_signer",
    "label",
    "password_of",
    "publish_event",
]

_MAX_TOKEN = 64 * 1024


def add_signer_arguments(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add --key, --key-uri, --keyless and what belongs to them."""
    group = parser.add_mutually_exclusive_group(required=required)
    group.add_argument("--key", metavar="FILE", help="private key (PEM), made by mlpack keygen")
    group.add_argument("--key-uri", metavar="URI", help="key in a key service (awskms:, gcpkms:, hsm:, ...)")
    group.add_argument(
        "--keyless", action="store_true", help="sign as yourself, or as this CI job (Sigstore)"
    )
    group.add_argument(
        "--identity-token",
        metavar="FILE|ENV",
        help="sign as whom this token names (Sigstore): a file, or an environment variable's name",
    )
    parser.add_argument("--public-key", metavar="FILE", help="public key (PEM) that belongs to --key-uri")
    parser.add_argument(
        "--certificate-chain", metavar="FILE", help="certificates of the key (PEM), the signer's own first"
    )
    parser.add_argument(
        "--timestamp-url", metavar="URL", help="ask this authority when it was signed (certificates only)"
    )
    parser.add_argument(
        "--trust-config", metavar="FILE", help="use this private Sigstore (client trust config)"
    )
    parser.add_argument("--staging", action="store_true", help="use Sigstore's public instance for tests")
    parser.add_argument("--yes", action="store_true", help="do not ask before something becomes public")


def chosen_signer(arguments: argparse.Namespace) -> Signer | Sealer:
    """Return the signer that the arguments name.

    Raises:
        UsageError: They contradict one another.
        SigningError: The key or the identity is not usable.
    """
    keyless = bool(arguments.keyless or arguments.identity_token)
    _refuse_strays(arguments, keyless=keyless)
    if keyless:
        from mlpack.trust.sigstore_signing import SigstoreSigner

        token = _token(arguments.identity_token) if arguments.identity_token else None
        return SigstoreSigner(token, arguments.trust_config, staging=arguments.staging)
    signer = _key_service(arguments) if arguments.key_uri else _key(arguments.key)
    if not arguments.certificate_chain:
        return signer
    from mlpack.trust.certificate_signer import CertificateSigner, read_chain

    chain = read_chain(arguments.certificate_chain)
    return CertificateSigner(signer, chain, timestamp_url=arguments.timestamp_url)


def _refuse_strays(arguments: argparse.Namespace, *, keyless: bool) -> None:
    """Refuse options that would be passed over in silence."""
    strays = {
        "--trust-config": arguments.trust_config and not keyless,
        "--staging": arguments.staging and not keyless,
        "--certificate-chain": arguments.certificate_chain and keyless,
        "--timestamp-url": arguments.timestamp_url and not arguments.certificate_chain,
        "--public-key": arguments.public_key and not arguments.key_uri,
    }
    for option, stray in strays.items():
        if stray:
            raise UsageError("means nothing for this kind of signature", where=option)
    if arguments.key_uri and not arguments.public_key:
        raise UsageError("needs --public-key with the key that belongs to it", where="--key-uri")


def _key_service(arguments: argparse.Namespace) -> Signer:
    from mlpack.trust.certificate_signer import KmsSigner

    return KmsSigner.from_uri(arguments.key_uri, arguments.public_key)


def _key(path: str) -> KeySigner:
    from mlpack.trust.keys import KeySigner

    return KeySigner.from_file(path, password=password_of(path))


def password_of(path: str) -> bytes | None:
    """Return the password from the environment or a person; None when the key does not ask for one."""
    from mlpack.trust.keys import is_encrypted

    if "MLPACK_KEY_PASSWORD" in os.environ or not is_encrypted(path) or not sys.stdin.isatty():
        return None  # the key itself looks at the environment, and says what is missing
    return getpass.getpass(f"Password for {path}: ").encode()


def _token(place: str) -> str:
    """Return the token in a file or an environment variable; a token as such would show in process lists."""
    if place in os.environ:
        return os.environ[place].strip()
    try:
        with open(place, encoding="ascii") as stream:  # noqa: PTH123  (may be a pipe)
            return stream.read(_MAX_TOKEN).strip()
    except OSError as error:
        raise StorageError(
            "neither a readable file nor an environment variable", where="--identity-token"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError("this file holds no token", where="--identity-token") from error


def label(signer: Signer | Sealer) -> str:
    """Return who signs, in one line."""
    from mlpack.trust.keys import Sealer

    return signer.label() if isinstance(signer, Sealer) else signer.public_key.fingerprint


def ask_before_publishing(
    signer: Signer | Sealer, subject: Callable[[], tuple[str, str]], *, yes: bool
) -> None:
    """Show what a keyless signature makes public for good, and go on only with consent.

    Other signatures make nothing public, and ask nothing.

    Args:
        signer: Who signs.
        subject: Says what is signed, as (what, value); called only when something becomes public.
        yes: Whether somebody has agreed already.

    Raises:
        UsageError: Nobody said yes.
    """
    from mlpack.trust.sigstore_signing import SigstoreSigner

    if not isinstance(signer, SigstoreSigner):
        return
    print("This will be public, and cannot be taken back:", file=sys.stderr)
    for what, value in (*signer.announcement(), subject()):
        print(f"  {what}: {value}", file=sys.stderr)
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("nobody sits here to agree to that", where="sign", hint="pass --yes")
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("not signed, as you said", where="sign")


def bundle_subject(bundle: str) -> tuple[str, str]:
    """Return what a signature of a bundle makes public about it."""
    from mlpack.format.opening import inspect

    return "digest", inspect(bundle).digest


def publish_event(signer: Signer | Sealer, reference: str, *, yes: bool) -> None:
    """Ask before an event of a history becomes public: its digest does, with who signed it.

    Raises:
        UsageError: Nobody said yes.
    """
    ask_before_publishing(signer, lambda: ("digest", f"of what is done to {reference}"), yes=yes)
