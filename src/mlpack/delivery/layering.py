"""The layers of a bundle as blobs that are made while they are sent: nothing is written to disk first."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlpack.delivery.transfers import Tally, transfer
from mlpack.errors import StorageError
from mlpack.format.integrity import stored_order
from mlpack.format.layers import LAYER_TYPES, Layer, layer_bytes, layer_size, plan_layers
from mlpack.format.tree import Tree
from mlpack.oci.descriptors import Descriptor

__all__ = ["DescribedLayer", "describe_layers", "describe_signatures", "layers_size"]

FILEPATH = "org.cncf.model.filepath"


@dataclass(frozen=True, kw_only=True, slots=True)
class DescribedLayer:
    """One layer of a bundle.

    Attributes:
        tree: The bundle.
        layer: Which of its files.
        descriptor: Of the blob.
        diff_id: Digest of the tar inside the blob.
        tail: Last bytes of the blob, its checksum among them.
    """

    tree: Tree
    layer: Layer
    descriptor: Descriptor
    diff_id: str
    tail: bytes

    def pieces(self, offset: int) -> Iterator[bytes]:
        """Yield the blob from `offset` on; it is made anew each time.

        Raises:
            StorageError: A file has changed since, as the checksum shows before the last piece is sent; the
                registry compares the digest.
        """
        for piece, inside in layer_bytes(_files(self.tree, self.layer)):
            if not inside and len(piece) == len(self.tail) and piece != self.tail:
                raise StorageError("changed while it was sent", where=str(self.tree.location))
            if offset < len(piece):
                yield piece[offset:] if offset else piece
            offset = max(0, offset - len(piece))


def describe_layers(
    tree: Tree,
    digests: dict[str, str],
    tally: Tally,
    then: Callable[[DescribedLayer, Mapping[str, str]], object] | None = None,
) -> list[DescribedLayer]:
    """Return the layers of a bundle, each made once to know its digest.

    Args:
        tree: The bundle.
        digests: Path -> hex SHA-256 is added for every file of a layer: they are read but once.
        tally: Counts the bytes; see `layers_size`.
        then: Called for each layer, with the digests of its files, while others are still being read.

    Raises:
        FormatError: A file cannot be read, or changed meanwhile.
    """

    def describe(layer: Layer) -> tuple[DescribedLayer, dict[str, str]]:
        made, found = _describe(tree, layer, tally)
        if then is not None:
            then(made, found)
        return made, found

    described = transfer(describe, plan_layers(tree.entries), tally)
    for _, found in described:
        digests |= found
    return [layer for layer, _ in described]


def layers_size(tree: Tree) -> int:
    """Return how many bytes the layers of a bundle have together."""
    return sum(layer_size(layer, tree.entries) for layer in plan_layers(tree.entries))


def describe_signatures(tree: Tree, paths: Sequence[str]) -> list[DescribedLayer]:
    """Return a layer of the signature and the attestations, for those who have only layers; none of none."""
    if not paths:
        return []
    layer = Layer(media_type=LAYER_TYPES[1], paths=tuple(stored_order(paths)))
    return [_describe(tree, layer, Tally("reading", 0, None))[0]]


def _describe(tree: Tree, layer: Layer, tally: Tally) -> tuple[DescribedLayer, dict[str, str]]:
    blob, plain, size = hashlib.sha256(), hashlib.sha256(), 0
    digests: dict[str, str] = {}
    piece = b""
    for piece, inside in layer_bytes(_files(tree, layer, digests)):
        blob.update(piece)
        plain.update(inside)
        size += len(piece)
        tally.add(len(piece))
    descriptor = Descriptor(
        media_type=layer.media_type,
        digest=f"sha256:{blob.hexdigest()}",
        size=size,
        annotations={FILEPATH: layer.paths[0]} if len(layer.paths) == 1 else {},
    )
    described = DescribedLayer(
        tree=tree,
        layer=layer,
        descriptor=descriptor,
        diff_id=f"sha256:{plain.hexdigest()}",
        tail=piece,
    )
    return described, digests


def _files(
    tree: Tree, layer: Layer, digests: dict[str, str] | None = None
) -> Iterator[tuple[str, int, Iterator[bytes]]]:
    for path in layer.paths:
        chunks = tree.chunks(path)
        yield path, tree.entries[path], chunks if digests is None else _hashed(path, chunks, digests)


def _hashed(path: str, chunks: Iterator[bytes], digests: dict[str, str]) -> Iterator[bytes]:
    hashing = hashlib.sha256()
    for chunk in chunks:
        hashing.update(chunk)
        yield chunk
    digests[path] = hashing.hexdigest()
