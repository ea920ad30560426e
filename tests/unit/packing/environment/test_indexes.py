"""Indexes are those of uv, or else those of pip."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlpack.packing.environment.indexes import index_settings, pip_settings


@pytest.fixture(autouse=True)
def nothing_set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "DEFAULT_INDEX",
        "INDEX_URL",
        "INDEX",
        "EXTRA_INDEX_URL",
        "FIND_LINKS",
        "NO_INDEX",
        "CONFIG_FILE",
    ):
        monkeypatch.delenv(f"UV_{name}", raising=False)
        monkeypatch.delenv(f"PIP_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("mlpack.packing.environment.indexes._pip_files", lambda: [tmp_path / "pip.conf"])


def test_nothing_is_added_where_nothing_is_set_up() -> None:
    assert index_settings() == [{}]


def test_pips_index_takes_the_place_of_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:pw@index.invalid/simple")
    assert index_settings() == [{"UV_DEFAULT_INDEX": "https://me:pw@index.invalid/simple"}]


def test_pips_more_indexes_are_asked_only_after_the_default(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nextra-index-url =\n  https://a.invalid/simple\n  https://b.invalid/simple\n"
        "find-links = /wheels\n"
    )
    more = {"UV_INDEX": "https://a.invalid/simple https://b.invalid/simple", "UV_FIND_LINKS": "/wheels"}
    assert index_settings() == [{}, more]


def test_variables_win_over_files_and_uv_over_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://file.invalid/simple\n")
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable.invalid/simple")
    assert pip_settings() == {"UV_DEFAULT_INDEX": "https://variable.invalid/simple"}
    (tmp_path / "uv").mkdir()
    (tmp_path / "uv/uv.toml").write_text('[[index]]\nurl = "https://uv.invalid/simple"\n')
    assert index_settings() == [{}]


def test_a_file_that_pip_would_complain_of_is_left_to_pip(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("no section")
    assert index_settings() == [{}]
