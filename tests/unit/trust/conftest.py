from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlpack.trust.keys import KeySigner, PublicKey, generate_key
from mlpack.trust.policy import Policy, SignerRule
from mlpack.trust.signing import sign

MakeBundle = Callable[..., Path]


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


@pytest.fixture
def bundle(tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner) -> Path:
    path = make_bundle(tmp_path)
    sign(path, signer)
    return path


@pytest.fixture
def with_bom(tmp_path: Path, make_bundle: MakeBundle, signer: KeySigner) -> Callable[..., Path]:
    def make(*components: dict[str, Any]) -> Path:
        document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": list(components)}
        data = json.dumps(document).encode()
        path = make_bundle(tmp_path, more={"sbom/bom.cdx.json": ("bom", data)})
        sign(path, signer)
        return path

    return make


@pytest.fixture(scope="session")
def policy(signer: KeySigner, other: KeySigner) -> Policy:
    """Two signers who may sign bundles, `release` and `other`."""
    return Policy(
        id="prod",
        signers=(
            SignerRule(name="release", key=signer.public_key),
            SignerRule(name="other", key=other.public_key),
        ),
    )
