"""Parts in, a directory or an archive out, the same digest for both."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from mlpack.errors import FormatError, TargetExistsError, UnsafePathError
from mlpack.format.integrity import stored_order
from mlpack.format.manifest import Manifest, Role
from mlpack.format.opening import inspect
from mlpack.format.tree import open_tree
from mlpack.format.writer import Assembled, assemble, target_path, write_bundle, write_copy


@pytest.fixture
def bundle(files: dict[str, bytes]) -> Assembled:
    manifest = Manifest.from_bytes(files["manifest.json"])
    parts: dict[str, tuple[Role, bytes]] = {
        path: (entry.role, files[path]) for path, entry in manifest.files.items()
    }
    return assemble(replace(manifest, files={}), parts)


def test_assembling_the_parts_again_gives_the_same_bundle(bundle: Assembled, files: dict[str, bytes]) -> None:
    assert dict(bundle.contents) == files


def test_the_order_of_parts_does_not_matter(bundle: Assembled, files: dict[str, bytes]) -> None:
    parts: dict[str, tuple[Role, bytes]] = {
        path: (bundle.manifest.files[path].role, files[path])
        for path in sorted(bundle.manifest.files, reverse=True)
    }
    assert assemble(bundle.manifest, parts).contents["SHA256SUMS"] == files["SHA256SUMS"]


@pytest.mark.parametrize("path", ["../x", "SHA256sums", "wheels", "README.md/x", "con"])
def test_an_unsafe_part_is_refused(path: str, bundle: Assembled) -> None:
    with pytest.raises(UnsafePathError):
        assemble(bundle.manifest, {path: ("environment", b""), "README.md": ("card", b"")})


def test_a_part_that_no_archive_could_hold_is_refused(bundle: Assembled) -> None:
    with pytest.raises(FormatError, match="too long for an archive"):
        assemble(bundle.manifest, {("a" * 80 + "/") * 2 + "b" * 70: ("environment", b"")})


def test_both_forms_have_one_digest(bundle: Assembled, tmp_path: Path) -> None:
    write_bundle(bundle, tmp_path / "d", layout="directory", overwrite=False)
    write_bundle(bundle, tmp_path / "a", layout="archive", overwrite=False)
    assert inspect(tmp_path / "d").digest == inspect(tmp_path / "a").digest == bundle.digest


@pytest.mark.parametrize("mask", [0o000, 0o077, 0o027])
def test_modes_do_not_depend_on_the_umask(mask: int, bundle: Assembled, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        write_bundle(bundle, tmp_path / "d", layout="directory", overwrite=False)
        write_bundle(bundle, tmp_path / "a", layout="archive", overwrite=False)
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "d").rglob("*") if path.is_file()}
    folders = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "d").rglob("*") if path.is_dir()}
    assert modes | {stat.S_IMODE((tmp_path / "a").stat().st_mode)} == {0o644}
    assert folders | {stat.S_IMODE((tmp_path / "d").stat().st_mode)} == {0o755}


def test_the_target_is_named_after_the_bundle(bundle: Assembled) -> None:
    assert target_path("x", bundle.manifest, "archive") == Path("x/tiny-1.0.0.mlpack")
    assert target_path("x", bundle.manifest, "directory") == Path("x/tiny-1.0.0")


@pytest.mark.parametrize("layout", ["archive", "directory"])
@pytest.mark.parametrize("source", ["archive", "directory"])
def test_a_copy_with_a_signature_keeps_the_digest(
    layout: str, source: str, bundle: Assembled, tmp_path: Path
) -> None:
    write_bundle(bundle, tmp_path / "from", layout=source, overwrite=False)  # type: ignore[arg-type]
    with open_tree(tmp_path / "from") as tree:
        write_copy(
            tree, "tiny-1.0.0", tmp_path / "to", added={"model.sig": b"{}"}, layout=layout, overwrite=False  # type: ignore[arg-type]
        )  # fmt: skip
    copy = inspect(tmp_path / "to")
    assert (copy.digest, copy.signed) == (bundle.digest, True)


@pytest.mark.parametrize("layout", ["archive", "directory"])
def test_a_bundle_can_be_signed_where_it_lies(layout: str, bundle: Assembled, tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    write_bundle(bundle, target, layout=layout, overwrite=False)  # type: ignore[arg-type]
    with open_tree(target) as tree:
        write_copy(tree, "tiny-1.0.0", target, added={"model.sig": b"{}"}, layout=layout, overwrite=True)  # type: ignore[arg-type]
    assert inspect(target).signed


def test_a_source_that_changes_leaves_the_target_alone(bundle: Assembled, tmp_path: Path) -> None:
    write_bundle(bundle, tmp_path / "from", layout="directory", overwrite=False)
    with open_tree(tmp_path / "from") as tree:
        (tmp_path / "from/README.md").write_bytes(b"")
        with pytest.raises(FormatError, match="changed while it was read"):
            write_copy(tree, "t", tmp_path / "to", added={}, layout="archive", overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["from"]


def test_members_are_stored_in_order(bundle: Assembled, tmp_path: Path) -> None:
    write_bundle(bundle, tmp_path / "a", layout="archive", overwrite=False)
    with open_tree(tmp_path / "a") as tree:
        assert list(tree.entries) == stored_order(bundle.contents)


def test_an_existing_target_is_kept(bundle: Assembled, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    with pytest.raises(TargetExistsError):
        write_bundle(bundle, tmp_path / "a", layout="archive", overwrite=False)
    assert (tmp_path / "a").read_bytes() == b"mine"
