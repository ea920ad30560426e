from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

EVERY = sorted(place.stem for place in (ROOT / "requirements").glob("*.in"))


def declared(name: str) -> list[Requirement]:
    """Return what requirements/NAME.in asks for."""
    lines = (ROOT / "requirements" / f"{name}.in").read_text("utf-8").splitlines()
    return [Requirement(line.partition("#")[0]) for line in lines if line.partition("#")[0].strip()]


def pinned(name: str) -> dict[str, list[Requirement]]:
    """Return what requirements/NAME.txt pins, by name; one entry for each environment marker."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").replace("\\\n", " ")
    pins: dict[str, list[Requirement]] = {}
    for line in text.splitlines():
        pin = Requirement(line.partition(" --hash")[0])
        pins.setdefault(pin.name, []).append(pin)
    return pins


@pytest.mark.parametrize("name", EVERY)
def test_pins_name_versions_and_hashes_only(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").replace("\\\n", " ")
    line = re.compile(r"[a-z0-9-]+==[^ ;]+( ; [^#]+?)?( +--hash=sha256:[0-9a-f]{64})+")
    assert [row for row in text.splitlines() if not line.fullmatch(row)] == []


@pytest.mark.parametrize("name", [name for name in EVERY if name != "verify"])
def test_pins_hold_what_the_package_declares(name: str) -> None:
    pins = pinned(name)
    for wanted in map(Requirement, PROJECT["dependencies"]):
        versions = [next(iter(pin.specifier)).version for pin in pins[wanted.name]]
        assert [version for version in versions if not wanted.specifier.contains(version)] == []


@pytest.mark.parametrize(("name", "extra"), [("engines", "ray"), ("engines", "spark"), ("peers", "spark")])
def test_pins_hold_the_engines(name: str, extra: str) -> None:
    pins = pinned(name)
    wanted = [Requirement(line) for line in PROJECT["optional-dependencies"][extra]]
    for asked in (item for item in wanted if item.name != PROJECT["name"]):
        versions = [next(iter(pin.specifier)).version for pin in pins[asked.name]]
        assert versions
        assert [version for version in versions if not asked.specifier.contains(version)] == []


@pytest.mark.parametrize("name", EVERY)
def test_pins_hold_what_the_checks_declare(name: str) -> None:
    pins = pinned(name)
    assert [wanted.name for wanted in declared(name) if wanted.name not in pins] == []


APART = {"dev", "clients"}
"""What the others are compared with; and clients of others, which hold back what they need themselves."""


@pytest.mark.parametrize("name", [name for name in EVERY if name not in APART])
def test_every_session_installs_the_same_versions(name: str) -> None:
    everything = pinned("dev")
    shared = [(pin, pins) for pin, pins in pinned(name).items() if pin in everything]
    other = {pin: pins for pin, pins in shared if not _versions(pins) <= _versions(everything[pin])}
    assert other == {}


def _versions(pins: list[Requirement]) -> set[str]:
    # Markers may differ: what a session leaves out may be the reason for one.
    return {str(pin.specifier) for pin in pins}


@pytest.mark.parametrize("name", ["run", "verify"])
def test_small_sessions_install_nothing_of_their_own(name: str) -> None:
    assert sorted(set(pinned(name)) - set(pinned("dev"))) == []
