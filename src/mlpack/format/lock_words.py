"""The words of a lock that are Python packaging's own: versions, environment markers, names of wheels.

`packaging` has the last word. Words in their plainest form, which nearly all are, need none: loading that
library takes longer than verifying a bundle. A property test holds both to the same answer.

Source: PEP 440, appendix B; PEP 508; the binary distribution format.
"""

from __future__ import annotations

import re

__all__ = ["is_marker", "is_normal_version", "wheel_of"]

_NUMBER = r"(?:0|[1-9][0-9]{0,17})"
_LABEL = rf"(?:{_NUMBER}|[0-9]*[a-z][a-z0-9]*)"
_VERSION = re.compile(
    rf"{_NUMBER}(?:\.{_NUMBER})*(?:(?:a|b|rc){_NUMBER})?(?:\.post{_NUMBER})?(?:\.dev{_NUMBER})?"
    rf"(?:\+{_LABEL}(?:\.{_LABEL})*)?"
)
_VARIABLE = (
    "(?:python_version|python_full_version|os_name|sys_platform|platform_machine|platform_system"
    "|platform_python_implementation|implementation_name)"
)
_TERM = rf"{_VARIABLE} (?:==|!=|<|<=|>|>=) '[A-Za-z0-9_.]{{1,40}}'"
_MARKER = re.compile(rf"{_TERM}(?: (?:and|or) {_TERM}){{0,40}}")
_TAG = r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*"
_WHEEL = re.compile(rf"([A-Za-z0-9.]+(?:_[A-Za-z0-9.]+)*)-([^-]+)-{_TAG}-{_TAG}-{_TAG}\.whl")


def is_normal_version(text: str) -> bool:
    """Tell whether a text is a version in its normal form."""
    if _VERSION.fullmatch(text):
        return True
    from packaging.version import InvalidVersion, Version

    try:
        return str(Version(text)) == text
    except InvalidVersion:
        return False


def is_marker(text: str) -> bool:
    """Tell whether a text is an environment marker.

    Raises:
        RecursionError: It is nested too deeply to tell.
    """
    if _MARKER.fullmatch(text):
        return True
    from packaging.markers import InvalidMarker, Marker

    try:
        Marker(text)
    except InvalidMarker:
        return False
    return True


def wheel_of(file_name: str) -> tuple[str, str] | None:
    """Return the normalised distribution and version that a wheel's file name names; None when it is none."""
    plain = _WHEEL.fullmatch(file_name)
    if plain and _VERSION.fullmatch(plain[2]):
        return re.sub(r"[-_.]+", "-", plain[1]).lower(), plain[2]
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        name, version, _, _ = parse_wheel_filename(file_name)
    except InvalidWheelFilename:
        return None
    return name, str(version)
