"""The one exact form of ustar."""

from __future__ import annotations

import io
import tarfile
from typing import Literal

import pytest

from mlpack.errors import FormatError
from mlpack.format.tar import BLOCK, MAX_MEMBER, header, member_name, padding


def test_python_reads_the_header_as_a_plain_file() -> None:
    info = tarfile.TarInfo.frombuf(header("top/a/b", 5), "utf-8", "strict")
    assert (info.name, info.size, info.mode, info.uid, info.uname, info.type) == (
        "top/a/b",
        5,
        0o644,
        0,
        "",
        b"0",
    )


def test_the_time_is_the_start_of_1980() -> None:
    info = tarfile.TarInfo.frombuf(header("top/a", 0), "utf-8", "strict")
    assert info.mtime == 315532800


@pytest.mark.parametrize("length", [100, 101, 102, 200])
def test_long_paths_go_into_the_prefix(length: int) -> None:
    path = ("d" * 49 + "/") * 4 + "f" * 60
    path = path[-length:].lstrip("/")
    archive = header(path, 0) + bytes(2 * BLOCK)
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        assert opened.getnames() == [path]
    assert member_name(header(path, 0)) == (path, 0)


@pytest.mark.parametrize(
    "path", ["a" * 101, "a" * 156 + "/b" * 5, "a/" + "b" * 101, "a" * 50 + "/" + "b" * 206]
)
def test_a_path_that_fits_nowhere_is_refused(path: str) -> None:
    with pytest.raises(FormatError, match="too long for an archive"):
        header(path, 0)


def test_the_largest_member_has_eleven_octal_digits() -> None:
    assert member_name(header("a", MAX_MEMBER)) == ("a", MAX_MEMBER)


def test_a_larger_member_is_refused() -> None:
    with pytest.raises(FormatError, match="8 GiB"):
        header("a", MAX_MEMBER + 1)


@pytest.mark.parametrize(("size", "fill"), [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511)])
def test_padding_fills_the_last_block(size: int, fill: int) -> None:
    assert padding(size) == bytes(fill)


@pytest.mark.parametrize("position", range(BLOCK))
def test_no_byte_of_a_header_is_free(position: int) -> None:
    block = bytearray(header("top/a", 5))
    block[position] ^= 0x20
    with pytest.raises(FormatError):
        member_name(bytes(block))


@pytest.mark.parametrize("make", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_headers_of_other_writers_are_refused(make: Literal[0, 1, 2]) -> None:
    info = tarfile.TarInfo("top/a")
    with pytest.raises(FormatError):
        member_name(info.tobuf(make)[:BLOCK])
