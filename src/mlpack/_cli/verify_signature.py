"""mlpack verify-signature."""

from __future__ import annotations

import argparse
import sys

from mlpack.errors import VerificationError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("path", metavar="PATH", help="a folder, a file, or sha256: and 64 hexadecimal digits")
    parser.add_argument("--signature", metavar="FILE", required=True, help="the signature file")
    parser.add_argument("--key", metavar="PEM", help="this public key must have signed")
    parser.add_argument("--certificate-identity", metavar="I", help="this identity must have signed, exactly")
    parser.add_argument("--certificate-oidc-issuer", metavar="U", help="the issuer of the identity")
    parser.add_argument(
        "--certificate-roots",
        metavar="PEM",
        nargs="+",
        action="extend",
        default=[],
        help="authorities that count; may be repeated",
    )
    parser.add_argument("--certificate-subject", metavar="S", help="this subject must have signed (RFC 4514)")
    parser.add_argument(
        "--trusted-root",
        metavar="FILE",
        help="root of a Sigstore instead of the public one's that is built in",
    )
    parser.add_argument("--staging", action="store_true", help="the public Sigstore's staging twin")
    parser.add_argument(
        "--ignore",
        metavar="PATH",
        action="append",
        default=[],
        help="pass over this path, absolute or relative to the folder; may be repeated",
    )
    parser.add_argument(
        "--ignore-unsigned-files", action="store_true", help="accept files that nobody signed"
    )
    parser.add_argument(
        "--oms-compat", action="store_true", help="accept what early tools for model signing wrote"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print who signed and return 0, or one line that says why not and return 3."""
    from mlpack.show.visible import visible
    from mlpack.trust.foreign.verifying import verify_signature

    try:
        found = verify_signature(
            arguments.path,
            signature=arguments.signature,
            key=arguments.key,
            certificate_identity=arguments.certificate_identity,
            certificate_oidc_issuer=arguments.certificate_oidc_issuer,
            certificate_roots=arguments.certificate_roots,
            certificate_subject=arguments.certificate_subject,
            trusted_root=arguments.trusted_root,
            staging=arguments.staging,
            ignore=arguments.ignore,
            ignore_unsigned_files=arguments.ignore_unsigned_files,
            oms_compat=arguments.oms_compat,
        )
    except VerificationError as error:
        reason = ": ".join(filter(None, (error.where, error.message)))
        hint = f" ({error.hint})" if error.hint else ""
        print(visible(f"mlpack: refused: {error.code}: {reason}{hint}"), file=sys.stderr)
        return 3
    print(f"signer:  {visible(found.signer)}")
    print(f"signed:  {found.signed_at.isoformat() if found.signed_at else 'no trusted time'}")
    print(f"kind:    {visible(found.predicate_type) or 'the bytes of a file'}")
    print(f"files:   {found.files}")
    if found.ignored:
        print(f"left out by the signer:  {', '.join(map(visible, found.ignored))}")
    return 0
