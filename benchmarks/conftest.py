"""Benchmarks use the sample bundle of the tests."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_PLACE = Path(__file__).parents[1] / "tests" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("shared_fixtures", _PLACE)
assert _SPEC is not None
assert _SPEC.loader is not None
_SHARED = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_SHARED)

make_bundle = _SHARED.make_bundle
