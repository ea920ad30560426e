"""Whatever happens to a signed bundle, verification refuses with its own error and nothing else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mlpack.errors import VerificationError
from mlpack.trust.keys import KeySigner, generate_key
from mlpack.trust.policy import Policy
from mlpack.trust.signing import sign
from mlpack.trust.verification import verify

MakeBundle = Callable[..., Path]

ROUNDS = settings(max_examples=150, deadline=None, derandomize=True)
places = st.integers(min_value=0, max_value=1 << 40)
bits = st.integers(min_value=1, max_value=255)


class Signed:
    """One signed bundle in both forms, and its policy."""

    def __init__(self, folder: Path, make_bundle: MakeBundle) -> None:
        key, public = generate_key(folder / "release", password=None)
        self.policy = Policy.from_key(public)
        more = {"model/a.bin": ("model", b"a" * 700), "model/empty.bin": ("model", b"")}
        self.folder = make_bundle(folder, more=more)
        self.archive = make_bundle(folder, layout="archive", more=more)
        sign(self.folder, KeySigner.from_file(key))
        sign(self.archive, KeySigner.from_file(key))
        self.files = sorted(
            str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()
        )

    @contextmanager
    def copy(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(shutil.copytree(self.folder, Path(folder) / self.folder.name))

    def refuses(self, path: Path) -> None:
        with pytest.raises(VerificationError) as caught:
            verify(path, self.policy)
        assert caught.value.problems

    def refuses_archive(self, data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / self.archive.name
            path.write_bytes(data)
            self.refuses(path)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, make_bundle: MakeBundle) -> Signed:
    return Signed(tmp_path_factory.mktemp("mutations"), make_bundle)


def flip(data: bytes, place: int, bit: int) -> bytes:
    place %= len(data)
    return data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]


def test_the_bundle_verifies_before_anything_happens_to_it(signed: Signed) -> None:
    assert verify(signed.folder, signed.policy).digest == verify(signed.archive, signed.policy).digest


@ROUNDS
@given(which=places, place=places, bit=bits)
def test_any_byte_of_any_file(signed: Signed, which: int, place: int, bit: int) -> None:
    with signed.copy() as folder:
        path = folder / signed.files[which % len(signed.files)]
        assume(path.stat().st_size)
        path.write_bytes(flip(path.read_bytes(), place, bit))
        signed.refuses(folder)


@ROUNDS
@given(place=places, bit=bits)
def test_any_byte_of_the_signature(signed: Signed, place: int, bit: int) -> None:
    with signed.copy() as folder:
        path = folder / "model.sig"
        path.write_bytes(flip(path.read_bytes(), place, bit))
        signed.refuses(folder)


@ROUNDS
@given(place=places, bit=bits)
def test_any_byte_of_the_archive(signed: Signed, place: int, bit: int) -> None:
    signed.refuses_archive(flip(signed.archive.read_bytes(), place, bit))


@ROUNDS
@given(length=places)
def test_any_truncation_of_the_archive(signed: Signed, length: int) -> None:
    data = signed.archive.read_bytes()
    signed.refuses_archive(data[: length % len(data)])


@ROUNDS
@given(place=places, content=st.binary(min_size=1, max_size=1100))
def test_anything_inserted_into_the_archive(signed: Signed, place: int, content: bytes) -> None:
    data = signed.archive.read_bytes()
    place %= len(data) + 1
    assume(data[:place] + content + data[place:] != data)
    signed.refuses_archive(data[:place] + content + data[place:])


@ROUNDS
@given(first=places, second=places, blocks=st.integers(min_value=1, max_value=4))
def test_any_two_parts_of_the_archive_swapped(signed: Signed, first: int, second: int, blocks: int) -> None:
    data = signed.archive.read_bytes()
    size, count = 512 * blocks, len(data) // (512 * blocks)
    low, high = sorted((first % count * size, second % count * size))
    one, two = data[low : low + size], data[high : high + size]
    swapped = data[:low] + two + data[low + size : high] + one + data[high + size :]
    assume(low != high and swapped != data)
    signed.refuses_archive(swapped)


@ROUNDS
@given(
    folder_name=st.sampled_from(
        ["", "model", "wheels", "attestations", "code", ".git", "evidence", "new/deep"]
    ),
    name=st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40),
    content=st.binary(max_size=50),
)
def test_any_file_added(signed: Signed, folder_name: str, name: str, content: bytes) -> None:
    assume(name not in (".", "..") and len(name.encode()) < 250)
    with signed.copy() as folder:
        path = folder / folder_name / name
        assume(not path.exists())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        signed.refuses(folder)


@pytest.mark.parametrize("kind", ["empty folder", "link", "broken link", "undecodable name"])
def test_anything_else_added(signed: Signed, kind: str) -> None:
    with signed.copy() as folder:
        match kind:
            case "empty folder":
                (folder / "empty").mkdir()
            case "link":
                (folder / "linked").symlink_to(folder / "README.md")
            case "broken link":
                (folder / "linked").symlink_to("nowhere")
            case _:
                Path(str(folder) + "/\udcff\udcfe").write_bytes(b"x")
        signed.refuses(folder)


def test_every_file_removed_in_turn(signed: Signed) -> None:
    for name in signed.files:
        with signed.copy() as folder:
            (folder / name).unlink()
            signed.refuses(folder)


def test_every_file_emptied_in_turn(signed: Signed) -> None:
    for name in signed.files:
        with signed.copy() as folder:
            if (folder / name).stat().st_size:
                (folder / name).write_bytes(b"")
                signed.refuses(folder)


@ROUNDS
@given(which=places, name=st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,20}", fullmatch=True))
def test_any_file_renamed(signed: Signed, which: int, name: str) -> None:
    with signed.copy() as folder:
        path = folder / signed.files[which % len(signed.files)]
        assume(not path.with_name(name).exists())
        path.rename(path.with_name(name))
        signed.refuses(folder)


@ROUNDS
@given(first=places, second=places)
def test_any_two_files_swapped(signed: Signed, first: int, second: int) -> None:
    with signed.copy() as folder:
        one = folder / signed.files[first % len(signed.files)]
        two = folder / signed.files[second % len(signed.files)]
        left, right = one.read_bytes(), two.read_bytes()
        assume(left != right)
        one.write_bytes(right)
        two.write_bytes(left)
        signed.refuses(folder)


@ROUNDS
@given(data=st.binary(max_size=3000))
def test_any_bytes_as_a_signature(signed: Signed, data: bytes) -> None:
    with signed.copy() as folder:
        (folder / "model.sig").write_bytes(data)
        signed.refuses(folder)


@ROUNDS
@given(which=places, data=st.binary(max_size=3000))
def test_any_bytes_as_any_file(signed: Signed, which: int, data: bytes) -> None:
    with signed.copy() as folder:
        path = folder / signed.files[which % len(signed.files)]
        assume(path.read_bytes() != data)
        path.write_bytes(data)
        signed.refuses(folder)


@ROUNDS
@given(data=st.binary(max_size=3000))
def test_any_bytes_as_an_archive(signed: Signed, data: bytes) -> None:
    signed.refuses_archive(data)
