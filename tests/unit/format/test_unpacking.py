"""Reading a layer as it arrives: what was written comes out, and no other byte passes."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from mlpack.errors import FormatError
from mlpack.format.layers import layer_bytes
from mlpack.format.unpacking import read_layer

FILES = {
    "manifest.json": b"{}",
    "model/empty": b"",
    "model/model.onnx": random.Random(3).randbytes(200_000),  # noqa: S311
    "model/one": b"1",
}


def made(files: dict[str, bytes]) -> bytes:
    return b"".join(piece for piece, _ in layer_bytes([(path, len(x), [x]) for path, x in files.items()]))


def cut(data: bytes, sizes: Iterator[int]) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        size = next(sizes)
        yield data[start : start + size]
        start += size


def contents(data: bytes, size: int, pieces: int = 70_000) -> dict[str, bytes]:
    stream = cut(data, iter(lambda: pieces, 0))
    return {path: b"".join(parts) for path, _, parts in read_layer(stream, size)}


@pytest.mark.parametrize("pieces", [1, 7, 511, 65_535, 65_540, 10_000_000])
def test_pieces_of_any_length_give_the_files(pieces: int) -> None:
    data = made(FILES)
    assert contents(data, len(data), pieces) == FILES


def test_a_layer_without_files_is_one() -> None:
    data = made({})
    assert contents(data, len(data)) == {}


def test_every_flipped_byte_outside_of_the_contents_is_noticed() -> None:
    """Within the contents the checksum notices; the caller's digests do in any case."""
    data = made(FILES)
    generator = random.Random(5)  # noqa: S311
    places = [
        *range(0, 600, 5),
        *range(len(data) - 1600, len(data), 11),
        *generator.sample(range(len(data)), 99),
    ]
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << generator.randrange(8)
        with pytest.raises(FormatError):
            contents(bytes(changed), len(data))


@pytest.mark.parametrize("change", [-1, -100, -70_000, 1, 100])
def test_a_layer_of_another_length_is_noticed(change: int) -> None:
    data = made(FILES)
    other = data[:change] if change < 0 else data + bytes(change)
    with pytest.raises(FormatError):
        contents(other, len(data))
    with pytest.raises(FormatError):
        contents(other, len(other))


def test_a_file_that_is_not_read_to_its_end_is_an_error() -> None:
    data = made(FILES)
    with pytest.raises(FormatError, match="not read to its end"):
        for _ in read_layer([data], len(data)):
            pass


def test_a_name_outside_of_the_models_folder_is_refused() -> None:
    data = made({"x": b""})
    with pytest.raises(FormatError):
        contents(data.replace(b"models/x", b"modelz/x"), len(data))
