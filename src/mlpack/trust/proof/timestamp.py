"""RFC 3161 timestamps: a trusted authority saw this signature then.

It is what keeps a signature valid after its certificate. There is no other trusted time but that of a log.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlpack.trust.proof.loading import X509_ERRORS, strictly
from mlpack.trust.proof.refusals import refused

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

    from mlpack.trust.proof.anchors import Authority

__all__ = ["stamped_times"]

_HASHES = ("sha256", "sha384", "sha512")


def stamped_times(
    tokens: Sequence[bytes], signature: bytes, clocks: Sequence[Authority]
) -> list[dt.datetime]:
    """Return the times at which known authorities saw `signature`.

    A timestamp of an unknown authority counts for nothing and harms nothing.

    Raises:
        VerificationError: `timestamp-invalid`: one is unreadable, about something else, or there twice;
            `signature-unsupported`: the library is missing.
    """
    if not tokens:
        return []
    if len(set(tokens)) != len(tokens):
        raise refused("timestamp-invalid", "the same timestamp twice")
    try:
        from rfc3161_client import decode_timestamp_response
    except ImportError as error:
        raise refused(
            "signature-unsupported", "timestamps need rfc3161-client", hint="pip install rfc3161-client"
        ) from error
    times = []
    for token in tokens:
        try:
            with strictly():
                response = decode_timestamp_response(token)
                imprint = response.tst_info.message_imprint.message
        except X509_ERRORS as error:
            raise refused("timestamp-invalid", "not a timestamp response") from error
        if imprint not in [hashlib.new(name, signature).digest() for name in _HASHES]:
            raise refused("timestamp-invalid", "a timestamp of another signature")
        time = next((time for clock in clocks if (time := _time(response, signature, clock))), None)
        if time is not None:
            times.append(time)
    return times


def _time(response: TimeStampResponse, signature: bytes, clock: Authority) -> dt.datetime | None:
    """Return the time of one response by one authority; None when it is not by it, or not about this."""
    from rfc3161_client import VerificationError, VerifierBuilder

    certificates = [each.x509 for each in clock.certificates]
    # With a lone certificate it is its own root, and the library wants a root.
    builder = VerifierBuilder(
        tsa_certificate=certificates[0], intermediates=certificates[1:-1], roots=certificates[-1:]
    )
    failures: tuple[type[Exception], ...] = (VerificationError, *X509_ERRORS)
    try:
        with strictly():
            builder.build().verify_message(response, signature)
            time = response.tst_info.gen_time
    except failures:
        return None
    return time if clock.period.covers(time) else None
