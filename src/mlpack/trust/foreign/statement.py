"""In-toto statements about one file, by its digest.

Source: in-toto attestation framework, Statement v1 and v0.1.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlpack.errors import FormatError
from mlpack.format.documents import Fields
from mlpack.trust.proof.reading import strict_json
from mlpack.trust.proof.refusals import refused

__all__ = ["STATEMENT", "open_statement", "require_subject"]

STATEMENT = "https://in-toto.io/Statement/v1"
_OLD = "https://in-toto.io/Statement/v0.1"
_WHERE = "signed statement"


def open_statement(payload: bytes) -> tuple[Fields, str, str]:
    """Return the statement, its type and the type of its predicate.

    Raises:
        FormatError: It is no in-toto statement.
    """
    top = strict_json(payload, _WHERE)
    kind = top.choice("_type", (STATEMENT, _OLD))
    return top, kind, top.text("predicateType")


def require_subject(top: Fields, digests: Mapping[str, bytes]) -> None:
    """Return if a subject of the statement has one of `digests` (hash name -> digest), and contradicts none.

    Raises:
        VerificationError: `subject-digest`.
        FormatError: A field is missing or of the wrong type.
    """
    for subject in top.each("subject"):
        said = subject.mapping("digest")
        known = {name: said[name] for name in said if name in digests}
        for name, value in said.items():
            if not isinstance(value, str):
                raise FormatError("expected a string", where=f"{subject.where}.digest.{name}")
        if known and all(value.lower() == digests[name].hex() for name, value in known.items()):
            return
    raise refused("subject-digest", "the statement is about another file", where=_WHERE)
