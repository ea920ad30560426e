"""One repository of a registry: manifests, blobs, tags. Every byte is held against its digest, both ways.

Source: OCI distribution specification 1.1.1.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlencode

from mlpack.errors import RegistryError
from mlpack.oci.descriptors import (
    IMAGE_INDEX,
    INDEXES,
    MANIFESTS,
    MAX_MANIFEST,
    Descriptor,
    Stored,
    check_digest,
    parse_manifest,
    sha256,
)
from mlpack.oci.documents import parse_object
from mlpack.oci.references import RegistryReference
from mlpack.oci.sources import Source
from mlpack.oci.transport import Answer, Transport
from mlpack.oci.uploads import upload

if TYPE_CHECKING:
    from typing import BinaryIO

    from mlpack.oci.credentials import Credentials

__all__ = ["Registry"]

_MAX_TAGS = 16 * 1024 * 1024
_MAX_PAGES = 1000
_NEXT = re.compile(r"<([^<>\s]+)>\s*;\s*rel=\"?next\"?")
_TRIES = 5
_SETTLING = 0.05
"""Seconds before the second try, twice as many before each further one."""


class Registry:
    """One repository of one registry."""

    def __init__(
        self,
        reference: RegistryReference,
        *,
        write: bool = False,
        plain_http: bool | None = None,
        credentials: Credentials | None = None,
        patience: float = 30.0,
        chunk_size: int = 256 * 1024 * 1024,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            reference: Anything in the repository.
            write: Whether to ask for the right to push.
            plain_http: Speak HTTP without TLS; None does so on the loopback interface only.
            credentials: What to show; None looks in the usual files.
            patience: Seconds that one request may spend on being tried again.
            chunk_size: Blobs that are larger go up in pieces of so many bytes, and resume between them.
        """
        self.name = reference.name
        self._repository = reference.repository
        self._chunk_size = chunk_size
        self._transport = Transport(
            reference.host,
            reference.repository,
            write=write,
            plain_http=plain_http,
            credentials=credentials,
            patience=patience,
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._transport.close()

    # ------------------------------------------------------------------------------------- manifests

    def manifest(self, wanted: str) -> Stored:
        """Return the manifest with a tag or digest.

        Raises:
            RegistryError: There is none, or it is not what was asked for.
        """
        found = self.find_manifest(wanted)
        if found is None:
            raise RegistryError(
                f"has no {wanted}",
                where=self.name,
                code="registry-not-found",
                hint="check the repository and the tag or digest",
            )
        return found

    def find_manifest(self, wanted: str) -> Stored | None:
        """Return the manifest with a tag or digest, or None where there is none.

        Raises:
            RegistryError: The registry failed, or sent bytes that do not have the digest.
        """
        answer = self._transport.request(
            "GET",
            self._transport.url(f"manifests/{wanted}"),
            expect=(200, 404),
            headers={"Accept": ", ".join(MANIFESTS)},
            limit=MAX_MANIFEST,
        )
        if answer.status == 404:
            return None
        where = f"{self.name} {wanted}"
        digest = sha256(answer.data)
        said = answer.headers.get("Docker-Content-Digest", "")
        for expected in (wanted if ":" in wanted else "", said if said.startswith("sha256:") else ""):
            if expected and expected != digest:
                raise RegistryError(
                    f"sent a manifest with {digest} as {expected}",
                    where=where,
                    code="registry-corrupt",
                    hint="the registry or the way to it is damaged or hostile; nothing was kept",
                )
        # The type that the bytes claim must be the one they are served as; the digest is over both.
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        parsed = parse_manifest(answer.data, where=where, media_type=kind)
        descriptor = Descriptor.of(answer.data, parsed.media_type)
        return Stored(descriptor=descriptor, data=answer.data)

    def put_manifest(self, data: bytes, media_type: str, tag: str = "", *, match: str = "") -> bool:
        """Store a manifest, under a tag or by its digest alone.

        Args:
            data: The exact bytes.
            media_type: Of the manifest.
            tag: Empty to store by digest.
            match: Digest that the tag must still have; registries may ignore it.

        Returns:
            Whether the registry keeps referrers itself and has noted this one.

        Raises:
            RegistryError: The registry refuses; code `registry-conflict` when `match` does not hold.
        """
        digest = sha256(data)
        headers = {"Content-Type": media_type}
        if match:
            headers["If-Match"] = f'"{match}"'
        answer = self._put_settled(self._transport.url(f"manifests/{tag or digest}"), headers, data)
        if answer.status == 412:
            raise RegistryError("changed meanwhile", where=f"{self.name}:{tag}", code="registry-conflict")
        said = answer.headers.get("Docker-Content-Digest", digest)
        if said != digest:
            raise RegistryError(f"stored {digest} as {said[:100]}", where=self.name, code="registry-corrupt")
        return "OCI-Subject" in answer.headers

    def _put_settled(self, url: str, headers: dict[str, str], data: bytes) -> Answer:
        """Put a manifest; where another writer is just storing one of its blobs, wait for that to settle.

        A registry on plain files says then that it does not know the blob, which it has just shown to have.
        """
        for attempt in range(_TRIES):
            try:
                return self._transport.request(
                    "PUT", url, expect=(200, 201, 202, 412), headers=headers, body=data
                )
            except RegistryError as error:
                if attempt == _TRIES - 1 or "MANIFEST_BLOB_UNKNOWN" not in error.message:
                    raise
                time.sleep(_SETTLING * 2**attempt)
        raise AssertionError("the last try returns or raises")

    def has_manifest(self, digest: str) -> bool:
        """Tell whether a manifest is there."""
        answer = self._transport.request(
            "HEAD",
            self._transport.url(f"manifests/{digest}"),
            expect=(200, 404),
            headers={"Accept": ", ".join(MANIFESTS)},
        )
        return answer.status == 200

    def tags(self) -> tuple[str, ...]:
        """Return every tag, sorted; none for a repository that does not exist yet."""
        found: set[str] = set()
        url = self._transport.url("tags/list")
        for _ in range(_MAX_PAGES):
            answer = self._transport.request("GET", url, expect=(200, 404), limit=_MAX_TAGS)
            if answer.status == 404:
                break
            tags = parse_object(answer.data, where=f"{self.name} tags").get("tags")
            found.update(tag for tag in tags or () if isinstance(tag, str))
            following = self._following(answer.headers.get("Link", ""), answer.url)
            if not following:
                break
            url = following
        return tuple(sorted(found))

    def listed_referrers(self, digest: str) -> tuple[Descriptor, ...] | None:
        """Return what the registry itself lists as attached to a manifest; None if it keeps no such lists."""
        url = self._transport.url(f"referrers/{check_digest(digest, where='referrers')}")
        found: list[Descriptor] = []
        for page in range(_MAX_PAGES):
            answer = self._transport.request(
                "GET", url, expect=(200, 404), headers={"Accept": IMAGE_INDEX}, limit=MAX_MANIFEST
            )
            if answer.status == 404 and page == 0:
                return None
            kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
            if answer.status == 200 and kind in INDEXES:
                parsed = parse_manifest(answer.data, where=f"{self.name} referrers", media_type=kind)
                found += parsed.manifests
            elif page == 0:
                return None  # something that answers every path: no list of referrers
            following = self._following(answer.headers.get("Link", ""), answer.url)
            if not following:
                break
            url = following
        return tuple(found)

    def _following(self, link: str, base: str) -> str:
        match = _NEXT.search(link)
        return self._transport.resolve(match[1], base) if match else ""

    # ----------------------------------------------------------------------------------------- blobs

    def blob(self, descriptor: Descriptor, *, limit: int) -> bytes:
        """Return a small blob.

        Raises:
            RegistryError: It is missing, larger than `limit`, or not what the descriptor says.
        """
        if descriptor.size > limit:
            raise RegistryError(
                f"a blob of {descriptor.size} bytes, where at most {limit} are read",
                where=f"{self.name}@{descriptor.digest}",
                code="registry-document",
            )
        return b"".join(self.blob_chunks(descriptor))

    def blob_chunks(self, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob in pieces; use them only after the last one: the end is where the digest is checked.

        A broken connection is taken up where it broke.

        Raises:
            RegistryError: It is missing, or not what the descriptor says.
        """
        import httpx

        url = self._transport.url(f"blobs/{check_digest(descriptor.digest, where='blob')}")
        where = f"{self.name}@{descriptor.digest}"
        running, read = hashlib.sha256(), 0
        for attempt in range(_TRIES):
            headers = {"Range": f"bytes={read}-"} if read else {}
            with self._transport.stream("GET", url, expect=(200, 206), headers=headers) as answer:
                skip = read if answer.status_code == 200 else 0
                try:
                    for piece in answer.iter_raw():
                        fresh = piece[skip:] if skip else piece
                        skip = max(0, skip - len(piece))
                        read += len(fresh)
                        if read > descriptor.size:
                            raise _corrupt(f"sent more than {descriptor.size} bytes", where)
                        running.update(fresh)
                        if fresh:
                            yield fresh
                except httpx.TransportError as error:
                    if attempt == _TRIES - 1:
                        raise self._transport.unreachable("GET", url, error) from error
                    continue
            break
        found = "sha256:" + running.hexdigest()
        if read != descriptor.size or found != descriptor.digest:
            raise _corrupt(f"expected {descriptor.size} bytes, found {read} with {found}", where)

    def save_blob(self, descriptor: Descriptor, file: BinaryIO) -> None:
        """Write a blob to a file; the caller keeps the file only if this returns.

        Raises:
            RegistryError: It is missing, or not what the descriptor says.
        """
        file.writelines(self.blob_chunks(descriptor))

    def has_blob(self, digest: str) -> bool:
        """Tell whether a blob is there."""
        url = self._transport.url(f"blobs/{check_digest(digest, where='blob')}")
        return self._transport.request("HEAD", url, expect=(200, 404)).status == 200

    def put_blob(self, source: Source, descriptor: Descriptor, *, mount_from: str = "") -> str:
        """Store a blob unless it is there.

        Args:
            source: Bytes, or a path; hashed while it is sent.
            descriptor: What it must be.
            mount_from: Another repository of this registry that may have it.

        Returns:
            `present`, `mounted` or `sent`.

        Raises:
            RegistryError: The source is not what the descriptor says, or the registry refuses.
        """
        for attempt in range(_TRIES):
            if self.has_blob(descriptor.digest):
                return "sent" if attempt else "present"
            try:
                return self._send_blob(source, descriptor, mount_from)
            except RegistryError as error:
                if attempt == _TRIES - 1 or error.code not in (
                    "registry-unreachable",
                    "registry-unavailable",
                ):
                    raise
        raise AssertionError("the last try returns or raises")

    def _send_blob(self, source: Source, descriptor: Descriptor, mount_from: str) -> str:
        query: dict[str, Any] = {"mount": descriptor.digest, "from": mount_from} if mount_from else {}
        url = self._transport.url("blobs/uploads/") + (
            f"?{urlencode(query, quote_via=quote)}" if query else ""
        )
        answer = self._transport.request("POST", url, expect=(201, 202))
        if answer.status == 201:
            return "mounted"
        upload(self._transport, answer, source, descriptor, chunk_size=self._chunk_size)
        return "sent"


def _corrupt(message: str, where: str) -> RegistryError:
    return RegistryError(
        message,
        where=where,
        code="registry-corrupt",
        hint="the registry or the way to it is damaged or hostile; nothing was kept",
    )
