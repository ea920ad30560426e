"""Keyless signing: an identity instead of a key, a certificate for ten minutes, an entry in a public log.

What is written to the log is public for good: the identity and the digest. `announcement` says so beforehand.
"""

from __future__ import annotations

import base64
import binascii
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlpack.errors import FormatError, MissingExtraError, SigningError, StorageError, VerificationError
from mlpack.format.documents import parse_json
from mlpack.trust.envelope import parse_envelope
from mlpack.trust.identities import GITHUB_ISSUER

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.models import Bundle, ClientTrustConfig
    from sigstore.oidc import IdentityToken
    from sigstore.sign import Signer as TheirSigner

    from mlpack.trust.trusted_root import TrustedRoot

__all__ = ["SigstoreSigner"]

_INSTALL: Final = "pip install 'sigstore>=4.5.1,<5'"
_AMBIENT: Final = "on GitHub grant `permissions: id-token: write`; elsewhere pass an identity token"
_MAX_CONFIG: Final = 4 * 1024 * 1024


class SigstoreSigner:
    """Signs as somebody that an OpenID Connect issuer knows: a CI job, a service, a person at a browser."""

    __slots__ = ("_config", "_config_text", "_staging", "_token", "_token_text")

    def __init__(
        self,
        identity_token: str | None = None,
        trust_config: str | os.PathLike[str] | None = None,
        *,
        staging: bool = False,
    ) -> None:
        """Say who signs and with which Sigstore; nothing is asked of anybody yet.

        Args:
            identity_token: An OpenID Connect token. None takes that of the CI job (GitHub, GitLab, Buildkite,
                CircleCI, Google Cloud), or asks the person at a terminal with a browser.
            trust_config: Client trust config of a private Sigstore; None means the public one.
            staging: Whether to use the public instance for tests.

        Raises:
            SigningError: Both a private Sigstore and staging are asked for.
            StorageError: The trust config cannot be read.
        """
        if trust_config is not None and staging:
            raise SigningError("a private Sigstore has no public staging", where="trust_config")
        self._config_text = None if trust_config is None else _read(Path(trust_config))
        self._staging = staging
        self._token_text = identity_token
        self._config: ClientTrustConfig | None = None
        self._token: IdentityToken | None = None

    def label(self) -> str:
        """The identity as it will be public, and who vouches for it. May ask for it first."""
        token = self._identity()
        return f"{_public_identity(str(token), token.identity)}, vouched for by {token.federated_issuer}"

    def announcement(self) -> tuple[tuple[str, str], ...]:
        """Return what will be public for good, as (what, value) pairs, before anything is. May ask who signs.

        Raises:
            SigningError: There is no usable identity.
        """
        token = self._identity()
        said = [
            ("identity", _public_identity(str(token), token.identity)),
            ("vouched for by", token.federated_issuer),
        ]
        claims = _claims(str(token))
        for name, key in (("repository", "repository"), ("commit", "sha"), ("run", "run_id")):
            if isinstance(value := claims.get(key), str):
                said.append((name, value))
        return tuple(said)

    def seal(self, payload: bytes) -> bytes:
        """Return the signature file over an in-toto statement, checked as a verifier would.

        Raises:
            SigningError: The identity is refused, a service does not answer, or the result does not hold.
        """
        self._trust_config()
        from sigstore.dsse import Statement

        sealed = self._ask_services(lambda signer: signer.sign_dsse(Statement(payload)))
        return self._checked(sealed, payload)

    def seal_message(self, data: bytes) -> bytes:
        """Return a Sigstore bundle over `data` itself, checked as a verifier would.

        Raises:
            SigningError: The identity is refused, a service does not answer, or the result does not hold.
        """
        sealed = self._ask_services(lambda signer: signer.sign_artifact(data))
        from sigstore.errors import Error
        from sigstore.models import Bundle
        from sigstore.verify import Verifier

        try:
            verifier = Verifier(trusted_root=self._trust_config().trusted_root)
            verifier.verify_artifact(data, Bundle.from_json(sealed), _Anybody())
        except Error as error:
            raise SigningError(
                f"what the services returned does not hold: {_reason(error)}", where="sigstore"
            ) from error
        return sealed

    def trusted_root(self) -> TrustedRoot:
        """Return the trusted root of the instance that signs, as a verifier would name it."""
        from mlpack.trust.trusted_root import PUBLIC_GOOD, STAGING, TrustedRoot

        if self._config_text is not None:
            return TrustedRoot(text=self._config_text, source="trust config")
        return TrustedRoot.embedded(STAGING if self._staging else PUBLIC_GOOD)

    def identity(self) -> tuple[str, str]:
        """Return the identity as the certificate will say it, and who vouches for it. May ask for it."""
        token = self._identity()
        return _public_identity(str(token), token.identity), token.federated_issuer

    def _ask_services(self, act: Callable[[TheirSigner], Bundle]) -> bytes:
        token, config = self._identity(), self._trust_config()
        from sigstore.errors import Error
        from sigstore.oidc import ExpiredIdentity
        from sigstore.sign import SigningContext

        try:
            with SigningContext.from_trust_config(config).signer(token) as signer:
                return act(signer).to_json().encode("utf-8")
        except (Error, ExpiredIdentity, OSError, ValueError) as error:
            raise SigningError(
                f"the services did not sign: {_reason(error)}", code="keyless-refused", where="sigstore"
            ) from error
        except Exception as error:
            # sigstore's clients raise classes that it keeps to itself; theirs are the only ones passed on.
            if not type(error).__module__.startswith(("sigstore.", "requests.", "rfc3161_client")):
                raise
            raise SigningError(
                f"the services did not sign: {_reason(error)}", code="keyless-refused", where="sigstore"
            ) from error

    def _checked(self, sealed: bytes, payload: bytes) -> bytes:
        """Return a signature that our own verifier accepts, or refuse to hand it out."""
        from sigstore.errors import Error
        from sigstore.models import Bundle
        from sigstore.verify import Verifier

        try:
            envelope = parse_envelope(sealed)
            # The services' own root, as just fetched: the one in sigstore's wheel may be older than they are.
            verifier = Verifier(trusted_root=self._trust_config().trusted_root)
            _, signed = verifier.verify_dsse(Bundle.from_json(sealed), _Anybody())
        except (VerificationError, Error) as error:
            raise SigningError(
                f"what the services returned does not hold: {_reason(error)}", where="sigstore"
            ) from error
        if not payload == signed == envelope.payload:
            raise SigningError("the services signed something else", where="sigstore")
        return sealed

    def _trust_config(self) -> ClientTrustConfig:
        if self._config is None:
            try:
                from sigstore.errors import Error
                from sigstore.models import ClientTrustConfig
            except ImportError as error:
                raise MissingExtraError("keyless signing needs sigstore", hint=_INSTALL) from error
            try:
                if self._config_text is not None:
                    self._config = ClientTrustConfig.from_json(self._config_text)
                else:
                    self._config = (
                        ClientTrustConfig.staging() if self._staging else ClientTrustConfig.production()
                    )
            except (Error, OSError, ValueError) as error:
                raise SigningError(f"no usable trust config: {_reason(error)}", where="sigstore") from error
        return self._config

    def _identity(self) -> IdentityToken:
        """Return the token, once: what was shown is what signs."""
        if self._token is None:
            try:
                from sigstore.errors import Error
                from sigstore.oidc import IdentityToken, IssuerError, detect_credential
            except ImportError as error:
                raise MissingExtraError("keyless signing needs sigstore", hint=_INSTALL) from error
            try:
                text = self._token_text or detect_credential()
                self._token = IdentityToken(text.strip()) if text else self._ask()
            except (Error, IssuerError, OSError) as error:
                raise SigningError(
                    f"no usable identity: {_reason(error)}", code="identity", where="sigstore", hint=_AMBIENT
                ) from error
        return self._token

    def _ask(self) -> IdentityToken:
        """Let a person sign in with a browser, if there is both."""
        import webbrowser

        from sigstore.oidc import Issuer

        if os.environ.get("CI") or sys.stdin is None or not sys.stdin.isatty():
            raise SigningError(
                "no identity: this is no CI job that has one, and nobody sits here to sign in",
                code="identity",
                where="sigstore",
                hint=_AMBIENT,
            )
        try:
            webbrowser.get()
        except webbrowser.Error as error:
            raise SigningError(
                "no identity: there is no browser to sign in with", code="identity", hint=_AMBIENT
            ) from error
        return Issuer(self._trust_config().signing_config.get_oidc_url()).identity_token()

    def __repr__(self) -> str:
        """Show no token."""
        return (
            f"SigstoreSigner({'private' if self._config_text else 'staging' if self._staging else 'public'})"
        )

    def __reduce__(self) -> str:
        """Refuse to be pickled: that would put the token where nobody looks for it."""
        raise TypeError("a SigstoreSigner holds an identity token and cannot be pickled")


class _Anybody:
    """Whoever signed is the one who was shown; here only the proofs are checked."""

    def verify(self, cert: Certificate) -> None:
        """Accept."""


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(_MAX_CONFIG).decode("utf-8")
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise SigningError("not a client trust config: not UTF-8", where=str(path)) from error


def _claims(token: str) -> dict[str, Any]:
    """Return what a token says, unverified: it is only shown, to whoever handed it over."""
    try:
        body = token.split(".")[1]
        data = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        claims = parse_json(data, where="identity token")
    except (IndexError, binascii.Error, ValueError, FormatError):
        return {}
    return claims if isinstance(claims, dict) else {}


_WORKLOADS: Final = {
    GITHUB_ISSUER: ("https://github.com/{}", "job_workflow_ref"),
    "https://gitlab.com": ("https://{}", "ci_config_ref_uri"),
    "https://agent.buildkite.com": ("https://buildkite.com/{}/{}", "organization_slug", "pipeline_slug"),
    "https://oidc.circleci.com": (
        "https://circleci.com/api/v2/projects/{}/pipeline-definitions/{}",
        "oidc.circleci.com/project-id",
        "oidc.circleci.com/pipeline-definition-id",
    ),
}
"""Issuer of CI jobs -> how a certificate names the job, and the token's claims that stand in it.

Source: sigstore/fulcio, config/identity/config.yaml.
"""


def _public_identity(token: str, identity: str) -> str:
    """Return the identity as the certificate will say it: of a CI job its workflow, not the subject."""
    claims = _claims(token)
    issuer = str(claims.get("iss", ""))
    known = GITHUB_ISSUER if issuer.startswith(f"{GITHUB_ISSUER}/") else issuer  # GitHub's enterprises
    text, *names = _WORKLOADS.get(known, ("",))
    values = [value for name in names if isinstance(value := claims.get(name), str)]
    return text.format(*values) if text and len(values) == len(names) else identity


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    if not text and error.__cause__ is not None:
        text = " ".join(str(error.__cause__).split())
    return f"{text[:300] or type(error).__name__}"
