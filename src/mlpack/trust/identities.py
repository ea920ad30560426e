"""Identities in certificates: what an authority wrote down, and the patterns that a policy matches.

Source: Fulcio, "OID information" (the arc 1.3.6.1.4.1.57264.1); RFC 5280, section 4.2.1.6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mlpack.errors import PolicyError, SignatureInvalidError, UntrustedSignerError

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["GITHUB_ISSUER", "CiRule", "Claims", "check_pattern", "matches", "read_claims"]

GITHUB_ISSUER: Final = "https://token.actions.githubusercontent.com"

_ARC: Final = "1.3.6.1.4.1.57264.1."
_USERNAME: Final = f"{_ARC}7"
_FIELDS: Final = MappingProxyType(
    {
        "issuer": f"{_ARC}8",
        "runner": f"{_ARC}11",
        "repository": f"{_ARC}12",
        "ref": f"{_ARC}14",
        "repository_id": f"{_ARC}15",
        "workflow": f"{_ARC}18",
        "trigger": f"{_ARC}20",
    }
)
_OLD_ISSUER: Final = f"{_ARC}1"  # the same without DER, all that old authorities wrote

_WHERE: Final = "model.sig certificate"
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,1000}")
_REQUESTS: Final = ("pull_request", "merge_request")  # pull_request_target and the like begin so too


@dataclass(frozen=True, kw_only=True, slots=True)
class Claims:
    """What a Sigstore certificate says about who signed. Believed only once the certificate is.

    Attributes:
        identity: The one subject alternative name: a workflow's or service's URI, or an e-mail address.
        issuer: Who authenticated it, as URL of the OpenID Connect issuer.
        build: What a CI service adds, as far as it does: repository, repository_id, ref, workflow, trigger,
            runner.
    """

    identity: str
    issuer: str
    build: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class CiRule:
    """What the CI job behind an identity must fulfil. The defaults deny what outsiders can start or own.

    Attributes:
        repository_id: The repository's number, which survives renaming; None for any.
        ref: Pattern of the git ref, such as `refs/tags/v*`; None for any.
        workflow: Pattern of the workflow file's path in its repository; None for any.
        triggers: Accepted events; empty for every event that is no pull or merge request.
        self_hosted: Whether runners of one's own are accepted.
    """

    repository_id: str | None = None
    ref: str | None = None
    workflow: str | None = None
    triggers: tuple[str, ...] = ()
    self_hosted: bool = False

    def __post_init__(self) -> None:
        """Refuse values that could never match.

        Raises:
            PolicyError: A value is unusable.
        """
        if self.repository_id is not None and not re.fullmatch(r"[0-9]{1,20}", self.repository_id):
            raise PolicyError("expected the repository's number", where="github.repository_id")
        for place, pattern in (("ref", self.ref), ("workflow", self.workflow)):
            if pattern is not None:
                check_pattern(pattern, f"github.{place}")
        for trigger in self.triggers:
            if not re.fullmatch(r"[a-z_]{1,60}", trigger):
                raise PolicyError("expected names of events", where="github.triggers")

    def problems(self, claims: Claims) -> list[str]:
        """Return what does not hold; a claim that is missing cannot hold."""
        build = claims.build
        found = []
        if self.repository_id is not None and build.get("repository_id") != self.repository_id:
            found.append(f"repository id {_said(build, 'repository_id')}, expected {self.repository_id}")
        if self.ref is not None and not matches(self.ref, build.get("ref", "")):
            found.append(f"ref {_said(build, 'ref')}, expected {self.ref}")
        if self.workflow is not None and not matches(self.workflow, _workflow_path(build)):
            found.append(f"workflow {_said(build, 'workflow')}, expected {self.workflow}")
        # Only GitHub is known to state these two always; others are held to what they do state.
        stated = claims.issuer == GITHUB_ISSUER or claims.issuer.startswith(f"{GITHUB_ISSUER}/")
        trigger = build.get("trigger", "")
        if self.triggers:
            if trigger not in self.triggers:
                found.append(f"trigger {_said(build, 'trigger')}, expected {' or '.join(self.triggers)}")
        elif trigger.startswith(_REQUESTS) or (stated and not trigger):
            found.append(f"trigger {_said(build, 'trigger')}, which is denied unless `triggers` names it")
        runner = build.get("runner", "")
        if not self.self_hosted and (runner == "self-hosted" or (stated and not runner)):
            found.append(f"runner {_said(build, 'runner')}, which is denied unless `self_hosted` allows it")
        return found


def _said(build: Mapping[str, str], key: str) -> str:
    return build[key][:200] if key in build else "not stated"


def _workflow_path(build: Mapping[str, str]) -> str:
    """Return `.github/workflows/x.yml` from `https://github.com/owner/name/.github/workflows/x.yml@refs/...`."""
    prefix = build.get("repository", "?") + "/"
    whole = build.get("workflow", "")
    return whole.removeprefix(prefix).partition("@")[0] if whole.startswith(prefix) else ""


def check_pattern(pattern: str, where: str) -> None:
    """Refuse a pattern that is no text of one line, or that has nothing but wildcards in it.

    Raises:
        PolicyError: It is.
    """
    if not _PRINTABLE.fullmatch(pattern):
        raise PolicyError("expected 1 to 1000 visible ASCII characters", where=where)
    if not re.search(r"[A-Za-z0-9]", pattern):
        raise PolicyError(f"{pattern!r} would accept anybody", where=where)


def matches(pattern: str, text: str) -> bool:
    """Tell whether `text` is `pattern`, in which `*` stands for anything but `/`, and all else for itself."""
    expression = "[^/]*".join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(expression, text) is not None


def read_claims(certificate: bytes) -> Claims:
    """Return what a Sigstore certificate says.

    Args:
        certificate: Its DER form.

    Raises:
        SignatureInvalidError: It is malformed, or names nobody, or several.
        UntrustedSignerError: It does not say who authenticated the signer.
    """
    from mlpack.trust.proof.loading import X509_ERRORS

    try:
        return _read(certificate)
    except X509_ERRORS as error:
        raise SignatureInvalidError(
            "not a readable certificate", code="certificate-malformed", where=_WHERE
        ) from error


def _read(certificate: bytes) -> Claims:
    from cryptography import x509

    extensions = x509.load_der_x509_certificate(certificate).extensions
    raw = {
        extension.oid.dotted_string: extension.value.value
        for extension in extensions
        if isinstance(extension.value, x509.UnrecognizedExtension)
    }
    build = {name: _utf8(raw[oid]) for name, oid in _FIELDS.items() if oid in raw}
    issuer = build.pop("issuer", "")
    if _OLD_ISSUER in raw:
        old = raw[_OLD_ISSUER].decode("utf-8")
        if issuer and issuer != old:
            raise SignatureInvalidError("names two issuers", code="issuer-ambiguous", where=_WHERE)
        issuer = old
    if not issuer:
        raise UntrustedSignerError(
            "does not say who authenticated the signer", code="issuer-missing", where=_WHERE
        )
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    identities = [_name(name) for name in names]
    if len(identities) != 1 or not identities[0]:
        raise SignatureInvalidError(
            f"expected one identity, found {len(identities)}", code="identity-ambiguous", where=_WHERE
        )
    return Claims(identity=identities[0], issuer=issuer, build=MappingProxyType(build))


def _name(name: x509.GeneralName) -> str:
    from cryptography import x509

    if isinstance(name, x509.UniformResourceIdentifier | x509.RFC822Name):
        return name.value
    if isinstance(name, x509.OtherName) and name.type_id.dotted_string == _USERNAME:
        return _utf8(name.value)
    return ""


def _utf8(der: bytes) -> str:
    """Return the text of one DER UTF8String.

    Raises:
        ValueError: It is something else.
    """
    if len(der) < 2 or der[0] != 0x0C:
        raise ValueError("not a UTF8String")
    length, start = der[1], 2
    if length & 0x80:
        width = length & 0x7F
        if not 1 <= width <= 2 or len(der) < 2 + width:
            raise ValueError("not a usable length")
        length, start = int.from_bytes(der[2 : 2 + width], "big"), 2 + width
    if len(der) != start + length:
        raise ValueError("not one value")
    return der[start:].decode("utf-8")
