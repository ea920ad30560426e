"""The machines that a lock is made for: their markers, and which wheels run on them."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlpack.errors import UsageError

if TYPE_CHECKING:
    from packaging.tags import Tag

__all__ = [
    "MINORS",
    "PLATFORMS",
    "Platform",
    "covers",
    "environments_of",
    "here",
    "minors_of",
    "platform_of",
    "runs_on",
]

MINORS = (11, 12, 13, 14)
"""CPython 3 minors that bundles are made for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Platform:
    """One operating system and architecture.

    Attributes:
        name: As images name it (`linux/amd64`).
        system: `platform_system` of PEP 508.
        sys_platform: `sys_platform` of PEP 508.
        machine: `platform_machine` of PEP 508.
        wheels: Pattern of the platform tags of wheels that run there.
    """

    name: str
    system: str
    sys_platform: str
    machine: str
    wheels: re.Pattern[str]

    @property
    def marker(self) -> str:
        """The PEP 508 marker that holds there and on no other platform."""
        return f"platform_machine == '{self.machine}' and sys_platform == '{self.sys_platform}'"


def _linux(name: str, machine: str) -> Platform:
    # glibc only: the base images that bundles are served from have glibc, not musl.
    tags = rf"any|linux_{machine}|manylinux(?:_\d+_\d+|1|2010|2014)_{machine}"
    return Platform(name=name, system="Linux", sys_platform="linux", machine=machine, wheels=re.compile(tags))


PLATFORMS = {
    "linux/amd64": _linux("linux/amd64", "x86_64"),
    "linux/arm64": _linux("linux/arm64", "aarch64"),
    "darwin/amd64": Platform(
        name="darwin/amd64",
        system="Darwin",
        sys_platform="darwin",
        machine="x86_64",
        wheels=re.compile(r"any|macosx_\d+_\d+_(?:x86_64|universal2|intel)"),
    ),
    "darwin/arm64": Platform(
        name="darwin/arm64",
        system="Darwin",
        sys_platform="darwin",
        machine="arm64",
        wheels=re.compile(r"any|macosx_\d+_\d+_(?:arm64|universal2)"),
    ),
    "windows/amd64": Platform(
        name="windows/amd64",
        system="Windows",
        sys_platform="win32",
        machine="AMD64",
        wheels=re.compile(r"any|win_amd64"),
    ),
}
"""Platforms that a lock can be made for."""


def here() -> str:
    """Return the name of this machine's platform; empty when it is none of ours."""
    for name, target in PLATFORMS.items():
        if (target.system, target.machine) == (platform.system(), platform.machine()):
            return name
    return ""


def minors_of(pythons: Sequence[str] | None) -> tuple[int, ...] | None:
    """Return the CPython 3 minors that versions such as `3.11` name, ascending; None for no wish.

    Raises:
        UsageError: One is none of ours, or there is a gap.
    """
    if pythons is None:
        return None
    known = {f"3.{minor}": minor for minor in MINORS}
    if isinstance(pythons, str) or not hasattr(pythons, "__iter__"):
        raise UsageError('expected a list of versions, such as ("3.11", "3.12")', where="pythons")
    asked = set(pythons)
    if not asked or asked - known.keys():
        wrong = sorted(map(str, asked - known.keys()))
        found = repr(wrong[0][:40]) if wrong else "none"
        raise UsageError(f"expected versions of {', '.join(known)}; found {found}", where="pythons")
    minors = sorted(known[version] for version in asked)
    if minors[-1] - minors[0] >= len(minors):
        raise UsageError("expected versions without a gap between them", where="pythons")
    return tuple(minors)


def platform_of(marker: str) -> str:
    """Return the name of the platform that `marker` speaks of, or the marker itself if it is none of ours."""
    for target in PLATFORMS.values():
        if f"'{target.machine}'" in marker and f"'{target.sys_platform}'" in marker:
            return target.name
    return marker


def environments_of(platform: Platform, minor: int) -> list[dict[str, str]]:
    """Return the marker variables of CPython 3.`minor` there, as first and late patch release."""
    return [
        {
            "implementation_name": "cpython",
            "implementation_version": f"3.{minor}.{patch}",
            "os_name": "nt" if platform.sys_platform == "win32" else "posix",
            "platform_machine": platform.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": platform.system,
            "platform_version": "",
            "python_full_version": f"3.{minor}.{patch}",
            "python_version": f"3.{minor}",
            "sys_platform": platform.sys_platform,
        }
        for patch in (0, 99)
    ]


def covers(tags: Iterable[Tag], platform: Platform, minor: int) -> bool:
    """Return whether a wheel with `tags` runs on CPython 3.`minor` (with the GIL) of `platform`."""
    return any(
        platform.wheels.fullmatch(tag.platform) and _runs(tag.interpreter, tag.abi, minor) for tag in tags
    )


def _runs(interpreter: str, abi: str, minor: int) -> bool:
    """Return whether CPython 3.`minor` takes this interpreter and ABI tag.

    Source: packaging.python.org, "Platform compatibility tags".
    """
    if interpreter == "py3":
        return abi == "none"
    match = re.fullmatch(r"(py|cp)3(\d+)", interpreter)
    if not match or int(match[2]) > minor:
        return False
    if match[1] == "py":
        return abi == "none"
    same = int(match[2]) == minor
    return abi == "abi3" or (same and abi in ("none", f"cp3{minor}"))


def runs_on(wheel: str, platform: Platform) -> bool:
    """Return whether a wheel with this file name runs on a platform, with whichever Python."""
    return any(
        platform.wheels.fullmatch(tag) for tag in wheel.removesuffix(".whl").rpartition("-")[2].split(".")
    )
