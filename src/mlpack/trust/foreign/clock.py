"""RFC 3161 timestamps: trusted time for a signature from an authority of the trusted root."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlpack.trust.foreign.loading import strictly
from mlpack.trust.foreign.refusals import refused
from mlpack.trust.foreign.trusted_root import Authority

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

__all__ = ["trusted_times"]


def trusted_times(
    tokens: Sequence[bytes], signature: bytes, clocks: Sequence[Authority]
) -> list[dt.datetime]:
    """Return the times at which known authorities saw `signature`.

    A timestamp of an unknown authority counts for nothing and harms nothing.

    Raises:
        VerificationError: `timestamp-invalid`: one is unreadable, or there twice;
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
        except ValueError as error:
            raise refused("timestamp-invalid", "not a timestamp response") from error
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
    try:
        with strictly():
            builder.build().verify_message(response, signature)
            time = response.tst_info.gen_time
    except (VerificationError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return time if clock.period.covers(time) else None
