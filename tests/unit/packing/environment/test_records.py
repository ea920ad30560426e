"""What was changed by hand after it was installed is found."""

from __future__ import annotations

import base64
import hashlib
from importlib import metadata
from pathlib import Path

import pytest

from mlpack.packing.environment.records import changed_files


@pytest.fixture
def installed(tmp_path: Path) -> metadata.Distribution:
    rows = []
    for name, data in (("pad/__init__.py", b"x = 1\n"), ("pad/left.py", b"y = 2\n")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(data)}")
    info = tmp_path / "pad-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pad\nVersion: 1.0\n")
    (info / "RECORD").write_text(
        "\n".join([*rows, "pad/__pycache__/left.pyc,,", "pad-1.0.dist-info/RECORD,,"])
    )
    return metadata.Distribution.at(info)


def test_an_untouched_installation_is_silent(installed: metadata.Distribution) -> None:
    assert changed_files({"pad": installed}) == {}


def test_a_patch_of_the_same_size_is_found(installed: metadata.Distribution, tmp_path: Path) -> None:
    assert changed_files({"pad": installed}) == {}
    (tmp_path / "pad/left.py").write_bytes(b"y = 3\n")
    assert changed_files({"pad": installed}) == {"pad": ["pad/left.py"]}


def test_a_file_that_is_gone_is_changed(installed: metadata.Distribution, tmp_path: Path) -> None:
    (tmp_path / "pad/__init__.py").unlink()
    assert changed_files({"pad": installed}) == {"pad": ["pad/__init__.py"]}


def test_what_has_no_record_is_not_judged(installed: metadata.Distribution, tmp_path: Path) -> None:
    (tmp_path / "pad-1.0.dist-info/RECORD").unlink()
    assert changed_files({"pad": installed}) == {}
