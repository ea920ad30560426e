"""What needs no `packaging` is what `packaging` would have said."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import InvalidMarker, Marker
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from mlpack.format.lock_words import is_marker, is_normal_version, wheel_of

QUICK = settings(max_examples=400, deadline=None)
VERSIONS = st.text("0123456789.abrcpostdev+!-_ A", max_size=14) | st.from_regex(
    r"(0|[1-9]?[0-9]{0,3})(\.[0-9]{1,3}){0,3}((a|b|rc)[0-9]{0,2})?(\.post[0-9]{0,2})?(\.dev[0-9]{0,2})?(\+[a-z0-9.]{1,8})?",
    fullmatch=True,
)
WORDS = st.sampled_from(
    (
        "python_version",
        "sys_platform",
        "extra",
        "os",
        "==",
        "<",
        "in",
        "'linux'",
        "'3.12'",
        '"x"',
        "and",
        "or",
    )
)


@QUICK
@given(VERSIONS)
def test_a_version_is_in_its_normal_form(text: str) -> None:
    try:
        normal = str(Version(text))
    except InvalidVersion:
        normal = ""
    assert is_normal_version(text) is (bool(normal) and normal == text)


@QUICK
@given(st.lists(WORDS, max_size=9).map(" ".join))
def test_a_marker_is_a_marker(text: str) -> None:
    try:
        Marker(text)
        known = True
    except InvalidMarker:
        known = False
    assert is_marker(text) is known


@QUICK
@given(
    st.from_regex(r"[A-Za-z0-9._]{1,8}", fullmatch=True),
    VERSIONS,
    st.from_regex(r"(-[0-9]{0,2})?(-[a-z0-9_.]{0,3}[a-z0-9]{0,6}){2,4}\.whl", fullmatch=True),
)
def test_a_wheel_is_of_one_distribution_and_version(name: str, version: str, rest: str) -> None:
    file_name = f"{name}-{version}{rest}"
    try:
        found = parse_wheel_filename(file_name)
    except InvalidWheelFilename:
        assert wheel_of(file_name) is None
    else:
        assert wheel_of(file_name) == (found[0], str(found[1]))


@pytest.mark.parametrize(
    "text", ["1.0", "2.13.0+cpu", "1.0rc1.post2.dev3", "1!2", "1.00", "1.0+007", "1.0-1"]
)
def test_normal_versions_by_name(text: str) -> None:
    assert is_normal_version(text) is (str(Version(text)) == text)
