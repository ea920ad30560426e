from __future__ import annotations

import json
import subprocess
import sys

import pytest

import mlpack

STANDARD = frozenset(sys.stdlib_module_names)


def loaded_by(statement: str) -> set[str]:
    """Return the names of the modules that `statement` adds in a clean interpreter."""
    program = f"import sys; before = set(sys.modules); {statement}; added = set(sys.modules) - before; "
    program += "import json; print(json.dumps(sorted(added)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_importing_mlpack_loads_the_facade_and_nothing_else_of_ours() -> None:
    ours = {name for name in loaded_by("import mlpack") if name.partition(".")[0] not in STANDARD}
    assert ours == {"mlpack"}


def test_importing_mlpack_leaves_costly_parts_of_the_standard_library_alone() -> None:
    costly = {"asyncio", "email", "inspect", "json", "logging", "pathlib", "socket", "ssl", "subprocess"}
    assert loaded_by("import mlpack") & costly == set()


def test_importing_the_errors_loads_no_foreign_module() -> None:
    foreign = {name for name in loaded_by("import mlpack.errors") if name.partition(".")[0] not in STANDARD}
    assert foreign == {"mlpack", "mlpack.errors"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'utils'"):
        mlpack.utils  # noqa: B018


def test_the_facade_has_at_most_twenty_names() -> None:
    assert len(mlpack.__all__) <= 20


def test_listing_the_facade_names_everything_public() -> None:
    assert set(mlpack.__all__) < set(dir(mlpack))
