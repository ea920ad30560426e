"""Wheels go into a bundle and out again; the bundle stays the same bundle."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlpack.errors import LockError, UsageError
from mlpack.format.lock import Lock, LockedFile, LockedPackage
from mlpack.format.opening import inspect
from mlpack.packing.vendoring import vendor

if TYPE_CHECKING:
    from tests.conftest import MakeBundle

NAMES = ("pad-1.0-py3-none-any.whl", "pad-1.0-cp311-cp311-manylinux_2_28_aarch64.whl")
LONG = f"pad-1.0-cp311-cp311-{'.'.join(f'manylinux_2_{n}_x86_64' for n in (17, 28, 34, 35, 36))}.whl"


@pytest.fixture
def links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of wheels that pip is told of; no other wheel is on this machine."""
    folder = tmp_path / "links"
    folder.mkdir()
    for name in (*NAMES, LONG):
        (folder / name).write_bytes(name.encode() * 1000)
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    monkeypatch.setenv("MLPACK_CACHE_DIR", str(tmp_path / "cache"))
    return folder


@pytest.fixture(params=["archive", "directory"])
def bundle(request: pytest.FixtureRequest, tmp_path: Path, links: Path, make_bundle: MakeBundle) -> Path:
    files = tuple(
        LockedFile(
            name=name,
            sha256=hashlib.sha256((links / name).read_bytes()).hexdigest(),
            size=(links / name).stat().st_size,
        )
        for name in sorted((*NAMES, LONG))
    )
    lock = Lock(
        requires_python=">=3.11,<3.15",
        environments=("sys_platform == 'linux'",),
        packages=(LockedPackage(name="pad", version="1.0", marker=None, files=files),),
    )
    more = {"environment/pylock.toml": ("lock", lock.to_bytes())}
    return make_bundle(tmp_path, layout=request.param, more=more)


def test_wheels_change_neither_digest_nor_the_other_files(bundle: Path) -> None:
    before = inspect(bundle)
    after = vendor(bundle, offline=True)
    assert (after.wheels, after.digest, after.checksums) == (3, before.digest, before.checksums)
    again = vendor(after, offline=True)
    assert again.wheels == 3


def test_dropped_the_bundle_is_what_it_was(bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    (shutil.copytree if bundle.is_dir() else shutil.copy)(bundle, copy)
    vendor(bundle, offline=True)
    assert vendor(bundle, drop=True).wheels == 0
    if bundle.is_dir():
        assert sorted(p.name for p in bundle.rglob("*")) == sorted(p.name for p in copy.rglob("*"))
    else:
        assert bundle.read_bytes() == copy.read_bytes()


def test_wheels_of_one_platform_alone(bundle: Path) -> None:
    assert vendor(bundle, platforms=("linux/arm64",), offline=True).wheels == 2


def test_a_name_too_long_for_an_archive_is_carried_all_the_same(bundle: Path) -> None:
    assert len(LONG) > 100
    assert vendor(bundle, offline=True).wheels == 3


def test_offline_every_missing_wheel_is_named_and_nothing_changes(bundle: Path, links: Path) -> None:
    (links / NAMES[0]).write_bytes(b"not what the lock names")
    (links / NAMES[1]).unlink()
    with pytest.raises(LockError, match="2 of 3 locked wheels") as caught:
        vendor(bundle, offline=True)
    assert set(caught.value.problems) == set(NAMES)
    assert inspect(bundle).wheels == 0


def test_an_unknown_platform_is_refused(bundle: Path) -> None:
    with pytest.raises(UsageError, match="plan9"):
        vendor(bundle, platforms=("plan9/amd64",))


def test_a_layout_is_refused(tmp_path: Path, bundle: Path) -> None:
    from mlpack.delivery.artifacts import push

    push(bundle, f"oci:{tmp_path / 'store'}:1")
    with pytest.raises(UsageError, match="OCI layout"):
        vendor(f"oci:{tmp_path / 'store'}:1")
