from __future__ import annotations

import gzip
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpack.errors import FormatError
from mlpack.format import layers
from mlpack.format.layers import Stored, layer_bytes, plan_layers, stored_size

FILES = {
    "model/model.onnx": b"x" * 200_000,
    "SHA256SUMS": b"",
    "manifest.json": b"{}",
    "README.md": b"#" * 511,
}


def written(files: dict[str, bytes]) -> tuple[bytes, bytes]:
    pieces = list(layer_bytes([(path, len(data), [data[:7], data[7:]]) for path, data in files.items()]))
    return b"".join(blob for blob, _ in pieces), b"".join(plain for _, plain in pieces)


def reader(blob: bytes) -> Stored:
    return Stored(lambda count, offset: blob[offset : offset + count], len(blob))


def test_other_tools_read_a_layer() -> None:
    blob, plain = written(FILES)
    assert gzip.decompress(blob) == plain
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        found = {item.name: archive.extractfile(item).read() for item in archive}  # type: ignore[union-attr]
    assert found == {f"models/{path}": data for path, data in FILES.items()}


@given(size=st.one_of(st.integers(0, 200), st.integers(65_000, 66_500), st.integers(130_000, 132_000)))
def test_any_size_is_written_and_read_again(size: int) -> None:
    data = bytes(index & 0xFF for index in range(size))
    blob, plain = written({"model/m": data})
    assert len(blob) == stored_size(len(plain))
    stored = reader(blob)
    assert stored.size == len(plain)
    assert b"".join(inside for _, inside in stored.pieces()) == plain
    assert stored.pread(len(plain) + 10, 0) == plain
    middle = len(plain) // 2
    assert stored.pread(70_000, middle) == plain[middle : middle + 70_000]


@given(position=st.integers(0, 10**9), bit=st.integers(0, 7))
def test_every_changed_bit_of_the_wrapping_is_noticed(position: int, bit: int) -> None:
    blob, _ = written({"model/m": b"y" * 70_000})
    data = bytearray(blob)
    data[position % len(data)] ^= 1 << bit
    with pytest.raises(FormatError):
        list(reader(bytes(data)).pieces())


@pytest.mark.parametrize("place", [*range(15), *range(65_550, 65_555), -8, -5, -4, -1])
@pytest.mark.parametrize("change", [1, 0xFF])
def test_every_byte_between_the_contents_is_compared(place: int, change: int) -> None:
    """Head, both frames and the tail: another reader may go by what ours passes over."""
    blob, _ = written({"model/m": b"y" * 70_000})
    data = bytearray(blob)
    data[place] ^= change
    with pytest.raises(FormatError):
        list(reader(bytes(data)).pieces())


@pytest.mark.parametrize("size", [0, 17, 22])
def test_a_blob_that_is_too_short_is_no_stream(size: int) -> None:
    with pytest.raises(FormatError):
        reader(bytes(size))


def test_a_stream_that_goes_on_is_refused() -> None:
    blob, _ = written({"model/m": b"1"})
    with pytest.raises(FormatError):
        list(reader(blob + b"\0").pieces())


def test_a_plan_puts_the_lists_first_and_weights_apart() -> None:
    sizes = {path: len(data) for path, data in FILES.items()}
    plan = plan_layers({**sizes, "model.sig": 5, "attestations/a": 5, "wheels/w.whl": 9, "contract.json": 1})
    assert [layer.paths for layer in plan] == [
        ("SHA256SUMS", "manifest.json"),
        ("model/model.onnx",),
        ("contract.json",),
        ("README.md",),
        ("wheels/w.whl",),
    ]
    kinds = [
        layer.media_type.removeprefix("application/vnd.cncf.model.").partition(".v1")[0] for layer in plan
    ]
    assert kinds == ["weight.config", "weight", "weight.config", "doc", "code"]


def test_a_layer_takes_no_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "MAX_LAYER", 100)
    sizes = {"model/a": 60, "model/b": 40, "model/c": 1, "model/d": 500, "model/e": 1, "SHA256SUMS": 1}
    plan = plan_layers(sizes)
    assert [layer.paths for layer in plan][1:] == [
        ("model/a", "model/b"),
        ("model/c",),
        ("model/d",),
        ("model/e",),
    ]
