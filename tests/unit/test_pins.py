from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


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


@pytest.mark.parametrize("name", ["dev", "run", "verify"])
def test_pins_name_versions_and_hashes_only(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").replace("\\\n", " ")
    line = re.compile(r"[a-z0-9-]+==[^ ;]+( ; [^#]+?)?( +--hash=sha256:[0-9a-f]{64})+")
    assert [row for row in text.splitlines() if not line.fullmatch(row)] == []


@pytest.mark.parametrize("name", ["dev", "run"])
def test_pins_hold_what_the_package_declares(name: str) -> None:
    pins = pinned(name)
    for wanted in map(Requirement, PROJECT["dependencies"]):
        versions = [next(iter(pin.specifier)).version for pin in pins[wanted.name]]
        assert [version for version in versions if not wanted.specifier.contains(version)] == []


@pytest.mark.parametrize("name", ["dev", "run", "verify"])
def test_pins_hold_what_the_checks_declare(name: str) -> None:
    pins = pinned(name)
    assert [wanted.name for wanted in declared(name) if wanted.name not in pins] == []


@pytest.mark.parametrize("name", ["run", "verify"])
def test_every_session_installs_the_same_versions(name: str) -> None:
    everything = {str(pin) for pins in pinned("dev").values() for pin in pins}
    assert [str(pin) for pins in pinned(name).values() for pin in pins if str(pin) not in everything] == []
