from __future__ import annotations

from pathlib import Path

import pytest

from mlpack.trust.keys import KeySigner, PublicKey, generate_key


@pytest.fixture(scope="session")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trust-keys")
    for name in ("release", "other"):
        generate_key(folder / name, password=None)
    return folder


@pytest.fixture(scope="session")
def signer(key_folder: Path) -> KeySigner:
    return KeySigner.from_file(key_folder / "release.key")


@pytest.fixture(scope="session")
def public(key_folder: Path) -> PublicKey:
    return PublicKey.from_file(key_folder / "release.pub")


@pytest.fixture(scope="session")
def other(key_folder: Path) -> KeySigner:
    return KeySigner.from_file(key_folder / "other.key")
