"""Which wheels run where."""

from __future__ import annotations

import pytest
from packaging.utils import parse_wheel_filename

from mlpack.packing.environment.targets import PLATFORMS, covers, environments_of, platform_of


@pytest.mark.parametrize(
    ("tags", "platform", "minor", "expected"),
    [
        ("py3-none-any", "linux/amd64", 11, True),
        ("py2.py3-none-any", "linux/arm64", 14, True),
        ("py2-none-any", "linux/amd64", 11, False),
        ("py312-none-any", "linux/amd64", 11, False),
        ("py311-none-any", "linux/amd64", 12, True),
        ("cp311-cp311-manylinux_2_28_x86_64", "linux/amd64", 11, True),
        ("cp311-cp311-manylinux_2_28_x86_64", "linux/amd64", 12, False),
        ("cp311-cp311-manylinux_2_28_x86_64", "linux/arm64", 11, False),
        ("cp311-cp311-manylinux2014_aarch64.manylinux_2_17_aarch64", "linux/arm64", 11, True),
        ("cp310-abi3-manylinux2014_x86_64", "linux/amd64", 14, True),
        ("cp312-abi3-manylinux2014_x86_64", "linux/amd64", 11, False),
        ("cp313-cp313t-manylinux_2_28_x86_64", "linux/amd64", 13, False),
        ("cp311-cp311-musllinux_1_2_x86_64", "linux/amd64", 11, False),
        ("pp311-pypy311_pp73-manylinux_2_28_x86_64", "linux/amd64", 11, False),
        ("cp311-cp311-win_amd64", "linux/amd64", 11, False),
        ("cp311-none-manylinux_2_28_x86_64", "linux/amd64", 11, True),
        ("py3-none-manylinux_2_28_x86_64", "linux/amd64", 13, True),
        ("cp312-cp312-macosx_14_0_arm64", "darwin/arm64", 12, True),
        ("cp312-cp312-macosx_10_9_universal2", "darwin/arm64", 12, True),
        ("cp312-cp312-macosx_14_0_x86_64", "darwin/arm64", 12, False),
        ("py3-none-any", "darwin/arm64", 12, True),
    ],
)
def test_covers(tags: str, platform: str, minor: int, expected: bool) -> None:  # noqa: FBT001
    found = parse_wheel_filename(f"a-1-{tags}.whl")[3]
    assert covers(found, PLATFORMS[platform], minor) is expected


@pytest.mark.parametrize("name", sorted(PLATFORMS))
def test_a_platforms_marker_holds_there_and_nowhere_else(name: str) -> None:
    from packaging.markers import Marker

    marker = Marker(PLATFORMS[name].marker)
    holds = {
        other: {marker.evaluate(env) for env in environments_of(platform, 12)}
        for other, platform in PLATFORMS.items()
    }
    assert holds == {other: {other == name} for other in PLATFORMS}


def test_names_the_platform_of_a_marker() -> None:
    assert platform_of("sys_platform == 'linux' and platform_machine == 'aarch64'") == "linux/arm64"


def test_keeps_a_marker_that_is_not_ours() -> None:
    assert platform_of("sys_platform == 'win32'") == "sys_platform == 'win32'"
