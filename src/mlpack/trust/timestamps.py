"""Trusted time: RFC 3161 timestamps over a signature, from authorities that the verifier named.

A timestamp says that the signature existed at that moment. It is what keeps a signature valid after its
certificate, and the only time that a verdict ever reports, beside that of a transparency log.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

from mlpack.errors import MissingExtraError, SignatureInvalidError, SigningError
from mlpack.trust.trusted_root import TimeStamper

__all__ = ["request_timestamp", "verified_times"]

_WHERE: Final = "model.sig timestamp"
_TIMEOUT_S: Final = 30.0
_MAX_ANSWER: Final = 64 * 1024


def verified_times(
    timestamps: Sequence[bytes], signature: bytes, stampers: Sequence[TimeStamper]
) -> tuple[dt.datetime, ...]:
    """Return the times that trusted authorities state for `signature`, earliest first.

    Args:
        timestamps: DER responses.
        signature: The bytes that they are about.
        stampers: Authorities that the verifier trusts.

    Raises:
        SignatureInvalidError: There are timestamps, and none of them is trusted and about this signature.
    """
    times = [time for item in timestamps for time in _time(item, signature, stampers)]
    if timestamps and not times:
        raise SignatureInvalidError(
            "no timestamp is both by a trusted authority and about this signature",
            code="timestamp-invalid",
            where=_WHERE,
        )
    return tuple(sorted(times))


def _time(data: bytes, signature: bytes, stampers: Sequence[TimeStamper]) -> list[dt.datetime]:
    from cryptography import x509

    try:
        from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response
    except ImportError as error:
        raise MissingExtraError(
            "timestamps need rfc3161-client", hint="pip install rfc3161-client"
        ) from error
    from mlpack.trust.x509_errors import X509_ERRORS

    refused: tuple[type[Exception], ...] = (VerificationError, *X509_ERRORS)
    for stamper in stampers:
        try:
            leaf, *middle, root = [x509.load_der_x509_certificate(der) for der in stamper.certificates]
            builder = VerifierBuilder(tsa_certificate=leaf, intermediates=middle, roots=[root])
            response = decode_timestamp_response(data)
            builder.build().verify_message(response, signature)
            time = response.tst_info.gen_time
        except refused:
            continue  # another authority may have made it; none at all is an error of the caller
        if stamper.start <= time and (stamper.end is None or time <= stamper.end):
            return [time]
    return []


def request_timestamp(url: str, signature: bytes) -> bytes:
    """Ask a time-stamping authority for a timestamp over `signature`. Only signing does this.

    Raises:
        SigningError: It does not answer, refuses, or answers about something else.
    """
    import urllib.error
    import urllib.request

    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, decode_timestamp_response

    if not url.startswith(("https://", "http://")):
        raise SigningError("expected an http or https address", where=url)
    query = (
        TimestampRequestBuilder()
        .data(signature)
        .hash_algorithm(HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=True)
        .build()
    )
    request = urllib.request.Request(  # noqa: S310  (the scheme was checked)
        url, data=query.as_bytes(), headers={"Content-Type": "application/timestamp-query"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310  (same)
            data: bytes = answer.read(_MAX_ANSWER)
        response = decode_timestamp_response(data)
        imprint = response.tst_info.message_imprint.message
    except (OSError, ValueError) as error:
        raise SigningError(f"no timestamp: {error}", where=url) from error
    if imprint != query.message_imprint.message:
        raise SigningError("the timestamp is about something else", where=url)
    return data
