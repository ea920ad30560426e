"""What a bundle says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mlpack.format.opening import UnverifiedBundle, inspect
from mlpack.format.summary import bundle_facts, bytes_text, contract_sections


@pytest.fixture
def bundle(files: dict[str, bytes], lay: Callable[[Mapping[str, bytes]], Path]) -> UnverifiedBundle:
    return inspect(lay(files))


def test_the_title_is_name_and_version(bundle: UnverifiedBundle) -> None:
    assert bundle_facts(bundle).title == "tiny 1.0.0"


def test_an_unsigned_bundle_is_a_warning(bundle: UnverifiedBundle) -> None:
    assert "Not signed" in bundle_facts(bundle).warnings[0]
    assert bundle_facts(replace(bundle, signed=True)).warnings == ()


def test_real_rows_are_a_warning(bundle: UnverifiedBundle) -> None:
    sample = replace(bundle, manifest=replace(bundle.manifest, golden="sample"))
    assert "The golden rows are real rows of the example." in bundle_facts(sample).warnings


def test_skipped_fields_are_a_warning(bundle: UnverifiedBundle) -> None:
    newer = replace(bundle, manifest=replace(bundle.manifest, ignored=("manifest.json.colour",)))
    assert "manifest.json.colour" in bundle_facts(newer).warnings[-1]


def test_inputs_say_what_they_accept(bundle: UnverifiedBundle) -> None:
    table = contract_sections(bundle.contract)[0].table
    assert table is not None
    assert table.rows == (
        ("age", "float64", "missing", "18 to 90"),
        ("city", "string", "missing, any string", "Oslo, Rome"),
    )


def test_a_wide_table_is_cut_and_says_so(bundle: UnverifiedBundle) -> None:
    inputs = tuple(replace(bundle.contract.inputs[0], name=f"c{number}") for number in range(40))
    table = contract_sections(replace(bundle.contract, inputs=inputs))[0].table
    assert table is not None
    assert table.rows[-1][0] == "... 10 more"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_500_000, "2.5 MB"), (10**12, "1000.0 GB")],
)
def test_sizes_are_for_people(size: int, text: str) -> None:
    assert bytes_text(size) == text
