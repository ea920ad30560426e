"""Whatever the bytes: the reader answers with a bundle or a FormatError, and no changed byte passes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mlpack.errors import FormatError
from mlpack.format import tar
from mlpack.format.checksums import parse_checksums, serialise_checksums
from mlpack.format.documents import canonical_json, parse_json
from mlpack.format.integrity import check_integrity, stored_order
from mlpack.format.names import PATH, path_problems
from mlpack.format.opening import inspect
from mlpack.format.tree import open_tree

GOLDEN = Path(__file__).parents[1] / "conformance/golden/1.0"
ARCHIVE = (GOLDEN / "tiny-1.0.0.mlpack").read_bytes()
DIRECTORY = GOLDEN / "tiny-1.0.0"
DIGEST = json.loads((GOLDEN / "expected.json").read_bytes())["digest"]
FILES = {
    file.relative_to(DIRECTORY).as_posix(): file.read_bytes()
    for file in DIRECTORY.rglob("*")
    if file.is_file()
}
DOCUMENTS = ("manifest.json", "contract.json", "evidence/golden.json", "evidence/parity.json")

PROFILE = settings(max_examples=150, deadline=None)


@contextlib.contextmanager
def _archive(data: bytes) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile(suffix=".mlpack") as file:
        file.write(data)
        file.flush()
        yield Path(file.name)


def _store(files: Mapping[str, bytes]) -> bytes:
    members = [
        tar.header(f"tiny-1.0.0/{path}", len(files[path])) + files[path] + tar.padding(len(files[path]))
        for path in stored_order(files)
    ]
    return b"".join(members) + tar.END


def _refused_or_read(data: bytes) -> str:
    """Return the digest, or "" for a refusal; any other error fails the test."""
    with _archive(data) as path:
        with open_tree(path) as tree:
            check_integrity(tree)
        try:
            return inspect(path).digest
        except FormatError:
            return ""


@given(st.binary(max_size=3000))
@PROFILE
def test_any_bytes_are_refused(data: bytes) -> None:
    assert _refused_or_read(data) == ""


@given(st.integers(0, len(ARCHIVE) - 1), st.integers(1, 255))
@PROFILE
def test_any_changed_byte_of_an_archive_is_refused(position: int, change: int) -> None:
    changed = bytearray(ARCHIVE)
    changed[position] ^= change
    assert _refused_or_read(bytes(changed)) == ""


@given(st.integers(0, len(ARCHIVE) - 1))
@PROFILE
def test_any_truncated_archive_is_refused(length: int) -> None:
    assert _refused_or_read(ARCHIVE[:length]) == ""


def test_an_archive_truncated_at_any_block_is_refused() -> None:
    for length in range(0, len(ARCHIVE), tar.BLOCK):
        assert _refused_or_read(ARCHIVE[:length]) == ""


@given(
    st.lists(st.tuples(st.integers(0, len(ARCHIVE) // 512), st.integers(0, len(ARCHIVE) // 512)), max_size=4)
)
@PROFILE
def test_moved_blocks_never_pass_as_another_bundle(moves: list[tuple[int, int]]) -> None:
    blocks = [ARCHIVE[start : start + 512] for start in range(0, len(ARCHIVE), 512)]
    for source, target in moves:
        blocks.insert(target, blocks.pop(min(source, len(blocks) - 1)))
    assert _refused_or_read(b"".join(blocks)) in ("", DIGEST)


@given(st.binary(max_size=600), st.integers(0, len(ARCHIVE)))
@PROFILE
def test_inserted_bytes_never_pass(data: bytes, position: int) -> None:
    assert _refused_or_read(ARCHIVE[:position] + data + ARCHIVE[position:]) == ("" if data else DIGEST)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401  (JSON)
    children: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    return [path, *(place for key, child in children for place in _places(child, (*path, key)))]


@st.composite
def _mutated(draw: st.DrawFn) -> dict[str, bytes]:
    """Return the files with one document changed at one place, and with fitting lists."""
    name = draw(st.sampled_from(DOCUMENTS))
    document = json.loads(FILES[name])
    *parents, last = draw(st.sampled_from(_places(document)[1:]))
    holder = document
    for key in parents:
        holder = holder[key]
    if draw(st.booleans()):
        holder[last] = draw(JSON)
    else:
        del holder[last]
    files = {**FILES, name: json.dumps(document).encode()}
    if name != "manifest.json":
        manifest = json.loads(FILES["manifest.json"])
        manifest["files"][name]["size"] = len(files[name])
        files["manifest.json"] = json.dumps(manifest).encode()
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in files.items() if path != "SHA256SUMS"}
    files["SHA256SUMS"] = serialise_checksums(digests)
    return files


@given(_mutated())
@settings(PROFILE, max_examples=300)
def test_a_changed_document_is_read_or_refused_alike_in_both_forms(files: dict[str, bytes]) -> None:
    from_archive = _refused_or_read(_store(files))
    with tempfile.TemporaryDirectory() as folder:
        for path, data in files.items():
            place = Path(folder) / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        try:
            from_folder = inspect(folder).digest
        except FormatError:
            from_folder = ""
    assert from_archive == from_folder


@given(_mutated())
@PROFILE
def test_what_is_read_can_be_shown(files: dict[str, bytes]) -> None:
    from mlpack.show.html import render_html

    with _archive(_store(files)) as path, contextlib.suppress(FormatError):
        bundle = inspect(path)
        assert render_html(bundle.facts())


@given(st.sampled_from(sorted(FILES)), st.data())
@PROFILE
def test_any_changed_file_of_a_folder_is_refused(path: str, data: st.DataObject) -> None:
    content = bytearray(FILES[path])
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(DIRECTORY, copy)
        (copy / path).write_bytes(content)
        try:
            assert inspect(copy).digest != DIGEST
        except FormatError:
            return
    raise AssertionError("a changed file passed")


@given(st.binary(max_size=400))
@PROFILE
def test_json_is_parsed_or_refused(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        parse_json(data, where="x")


@given(JSON)
@PROFILE
def test_what_canonical_json_writes_is_read_and_written_the_same(document: object) -> None:
    with contextlib.suppress(FormatError):
        data = canonical_json(document)
        with contextlib.suppress(FormatError):  # an integer beyond 64 bits
            assert canonical_json(parse_json(data, where="x")) == data


PATHS = st.lists(st.from_regex(PATH, fullmatch=True).filter(lambda path: len(path) <= 240), max_size=6)


@given(PATHS)
@PROFILE
def test_checksums_are_read_as_they_were_written(paths: list[str]) -> None:
    digests = {path: hashlib.sha256(path.encode()).hexdigest() for path in paths}
    if digests and not path_problems(digests):
        assert parse_checksums(serialise_checksums(digests)) == digests


@given(st.from_regex(PATH, fullmatch=True).filter(lambda path: len(path) <= 240), st.integers(0, 8**11 - 1))
@PROFILE
def test_headers_are_read_as_they_were_written(path: str, size: int) -> None:
    with contextlib.suppress(FormatError):  # too long for an archive
        block = tar.header(path, size)
        assert tar.member_name(block) == (path, size)


@given(st.binary(min_size=512, max_size=512))
@PROFILE
def test_any_block_is_a_header_that_we_write_or_refused(block: bytes) -> None:
    with contextlib.suppress(FormatError):
        assert tar.header(*tar.member_name(block)) == block
