"""The reader of environment/pylock.toml takes our profile of PEP 751 and nothing else."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import tomli_w

from mlpack.errors import FormatError
from mlpack.format.lock import Lock, LockedFile, LockedPackage, stored_name, to_requirements

SHA = "ab" * 32


def document() -> dict[str, Any]:
    return {
        "lock-version": "1.0",
        "environments": ["sys_platform == 'linux'"],
        "requires-python": ">=3.11,<3.15",
        "created-by": "mlpack",
        "packages": [
            {
                "name": "left-pad",
                "version": "1.0",
                "wheels": [wheel("left_pad-1.0-py3-none-any.whl")],
            },
            {
                "name": "torch",
                "version": "2.13.0+cpu",
                "marker": "platform_machine == 'x86_64'",
                "wheels": [wheel("torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl")],
            },
        ],
    }


def wheel(name: str) -> dict[str, Any]:
    return {"path": f"../wheels/{name}", "size": 10, "hashes": {"sha256": SHA}}


def read(value: dict[str, Any]) -> Lock:
    return Lock.from_bytes(tomli_w.dumps(value).encode())


def test_reads_packages_with_their_local_label() -> None:
    lock = read(document())
    assert [(p.name, p.version) for p in lock.packages] == [("left-pad", "1.0"), ("torch", "2.13.0+cpu")]
    assert lock.packages[0].files == (LockedFile(name="left_pad-1.0-py3-none-any.whl", sha256=SHA, size=10),)
    assert lock.packages[0].files[0].path == "wheels/left_pad-1.0-py3-none-any.whl"


def test_names_its_minors() -> None:
    assert read(document()).minors == (11, 12, 13, 14)


def test_writes_what_it_reads() -> None:
    lock = read(document())
    assert Lock.from_bytes(lock.to_bytes()) == lock
    assert Lock.from_bytes(lock.to_bytes()).to_bytes() == lock.to_bytes()


def test_requirements_pin_every_hash_and_keep_markers() -> None:
    lock = Lock(
        requires_python=">=3.11,<3.15",
        environments=("sys_platform == 'linux'",),
        packages=(
            LockedPackage(
                name="a",
                version="1+cpu",
                marker="python_version < '3.12'",
                files=(
                    LockedFile(name="a-1+cpu-cp311-cp311-linux_x86_64.whl", sha256="b" * 64, size=1),
                    LockedFile(name="a-1+cpu-cp312-cp312-linux_x86_64.whl", sha256="a" * 64, size=1),
                ),
            ),
        ),
    )
    assert to_requirements(lock) == (
        "a==1+cpu ; python_version < '3.12' \\\n"
        f"    --hash=sha256:{'a' * 64} \\\n"
        f"    --hash=sha256:{'b' * 64}\n"
    )


LONG = "left_pad-1.0-cp311-cp311-" + ".".join(
    f"{tag}_x86_64"
    for tag in ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34", "linux")
)


def test_paths_lead_from_the_locks_folder_to_the_wheels() -> None:
    text = read(document()).to_bytes().decode()
    assert 'path = "../wheels/left_pad-1.0-py3-none-any.whl"' in text
    assert 'name = "left_pad-1.0-py3' not in text


def test_the_first_writers_paths_are_read_too() -> None:
    old = document()
    old["packages"][0]["wheels"][0]["path"] = "wheels/left_pad-1.0-py3-none-any.whl"
    assert read(old) == read(document())


def test_a_name_too_long_for_an_archive_loses_tags_that_fewer_machines_take() -> None:
    assert len(f"{LONG}.whl") > 100
    assert stored_name(f"{LONG}.whl") == (
        "left_pad-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux_2_28_x86_64.linux_x86_64.whl"
    )
    assert stored_name("a-1-py2.py3-none-any.whl") == "a-1-py2.py3-none-any.whl"


def test_a_long_name_is_kept_beside_the_stored_one() -> None:
    value = document()
    value["packages"][0]["wheels"] = [{**wheel(stored_name(f"{LONG}.whl")), "name": f"{LONG}.whl"}]
    lock = read(value)
    assert lock.packages[0].files[0].name == f"{LONG}.whl"
    assert tomllib.loads(lock.to_bytes().decode()) == value


@pytest.mark.parametrize("name", ["left_pad-1.0-py3-none-any.whl", "other-1.0-py3-none-any.whl", "../x.whl"])
def test_a_name_that_says_nothing_or_something_else_is_refused(name: str) -> None:
    value = document()
    value["packages"][0]["wheels"][0]["name"] = name
    with pytest.raises(FormatError):
        read(value)


def broken(change: str) -> dict[str, Any]:
    """Return a document with one thing wrong."""
    value = document()
    package, file = value["packages"][0], value["packages"][0]["wheels"][0]
    changes: dict[str, Any] = {
        "version": lambda: value.update({"lock-version": "1.1"}),
        "creator": lambda: value.update({"created-by": "someone"}),
        "unknown": lambda: value.update({"tool": {}}),
        "range": lambda: value.update({"requires-python": ">=3.11"}),
        "empty range": lambda: value.update({"requires-python": ">=3.12,<3.12"}),
        "environment": lambda: value.update({"environments": ["os == 1"]}),
        "no environment": lambda: value.update({"environments": []}),
        "no packages": lambda: value.update({"packages": []}),
        "order": value["packages"].reverse,
        "twice": lambda: value["packages"].insert(0, package),
        "index": lambda: package.update({"index": "https://example.invalid/simple"}),
        "sdist": lambda: package.update({"sdist": wheel("left_pad-1.0.tar.gz")}),
        "name": lambda: package.update({"name": "Left_Pad"}),
        "loose version": lambda: package.update({"version": "1.00"}),
        "other version": lambda: package.update({"version": "1.1"}),
        "marker": lambda: package.update({"marker": "x y z"}),
        "no wheels": lambda: package.update({"wheels": []}),
        "url": lambda: file.update({"url": "https://user:secret@example.invalid/a.whl"}),
        "time": lambda: file.update({"upload-time": 1}),
        "no path": lambda: file.pop("path"),
        "parent": lambda: file.update({"path": "wheels/../left_pad-1.0-py3-none-any.whl"}),
        "elsewhere": lambda: file.update({"path": "left_pad-1.0-py3-none-any.whl"}),
        "absolute": lambda: file.update({"path": "/wheels/left_pad-1.0-py3-none-any.whl"}),
        "not a wheel": lambda: file.update({"path": "wheels/left_pad-1.0.tar.gz"}),
        "other package": lambda: file.update({"path": "wheels/other-1.0-py3-none-any.whl"}),
        "no size": lambda: file.pop("size"),
        "zero size": lambda: file.update({"size": 0}),
        "true size": lambda: file.update({"size": True}),
        "huge size": lambda: file.update({"size": 2**63 - 1 + 2**62}),
        "no hashes": lambda: file.update({"hashes": {}}),
        "weak hash": lambda: file.update({"hashes": {"md5": "0" * 32}}),
        "second hash": lambda: file["hashes"].update({"sha512": "0" * 128}),
        "short hash": lambda: file.update({"hashes": {"sha256": "ab"}}),
        "upper hash": lambda: file.update({"hashes": {"sha256": "AB" * 32}}),
    }
    changes[change]()
    return value


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ("version", "pylock.toml.lock-version"),
        ("creator", "pylock.toml.created-by"),
        ("unknown", "pylock.toml.tool"),
        ("range", "pylock.toml.requires-python"),
        ("empty range", "pylock.toml.requires-python"),
        ("environment", "pylock.toml.environments[0]"),
        ("no environment", "pylock.toml.environments"),
        ("no packages", "pylock.toml.packages"),
        ("order", "pylock.toml.packages[1]"),
        ("twice", "pylock.toml.packages[1]"),
        ("index", "pylock.toml.packages[0].index"),
        ("sdist", "pylock.toml.packages[0].sdist"),
        ("name", "pylock.toml.packages[0].name"),
        ("loose version", "pylock.toml.packages[0].version"),
        ("other version", "pylock.toml.packages[0].wheels[0].path"),
        ("marker", "pylock.toml.packages[0].marker"),
        ("no wheels", "pylock.toml.packages[0].wheels"),
        ("url", "pylock.toml.packages[0].wheels[0].url"),
        ("time", "pylock.toml.packages[0].wheels[0].upload-time"),
        ("no path", "pylock.toml.packages[0].wheels[0].path"),
        ("parent", "pylock.toml.packages[0].wheels[0].path"),
        ("elsewhere", "pylock.toml.packages[0].wheels[0].path"),
        ("absolute", "pylock.toml.packages[0].wheels[0].path"),
        ("not a wheel", "pylock.toml.packages[0].wheels[0].path"),
        ("other package", "pylock.toml.packages[0].wheels[0].path"),
        ("no size", "pylock.toml.packages[0].wheels[0].size"),
        ("zero size", "pylock.toml.packages[0].wheels[0].size"),
        ("true size", "pylock.toml.packages[0].wheels[0].size"),
        ("huge size", "pylock.toml.packages[0].wheels[0].size"),
        ("no hashes", "pylock.toml.packages[0].wheels[0].hashes.sha256"),
        ("weak hash", "pylock.toml.packages[0].wheels[0].hashes.sha256"),
        ("second hash", "pylock.toml.packages[0].wheels[0].hashes.sha512"),
        ("short hash", "pylock.toml.packages[0].wheels[0].hashes.sha256"),
        ("upper hash", "pylock.toml.packages[0].wheels[0].hashes.sha256"),
    ],
)
def test_refuses_and_names_the_place(change: str, where: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(broken(change))
    assert caught.value.where == where


def test_the_message_never_repeats_a_url() -> None:
    with pytest.raises(FormatError) as caught:
        read(broken("url"))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"= 1", b"a = " + b"[" * 5000, b"a = " + b"9" * 10000, b" " * (8 * 2**20 + 1)]
)
def test_refuses_what_is_no_document(data: bytes) -> None:
    with pytest.raises(FormatError):
        Lock.from_bytes(data)


def test_takes_a_local_label_in_any_writing_of_the_same_version() -> None:
    value = document()
    value["packages"][1]["version"] = "2.13.0+CPU"
    with pytest.raises(FormatError, match="normalised version"):
        read(value)
