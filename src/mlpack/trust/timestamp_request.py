"""Asking an RFC 3161 authority for a timestamp over a signature. Only signing does this."""

from __future__ import annotations

from typing import Final

from mlpack.errors import SigningError

__all__ = ["request_timestamp"]

_TIMEOUT_S: Final = 30.0
_MAX_ANSWER: Final = 64 * 1024


def request_timestamp(url: str, signature: bytes) -> bytes:
    """Ask a time-stamping authority for a timestamp over `signature`.

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
