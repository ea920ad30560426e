"""`mlpack sign` and `mlpack verify` with certificates and key services, as a person or a CI job runs them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.authorities import new_authority

from mlpack.trust.keys import KeySigner

ROOT = new_authority()
LEAF = ROOT.issue()


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "mlpack"), *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )


@pytest.fixture
def files(tmp_path: Path, make_bundle: Callable[..., Path]) -> Path:
    """Return a folder with an unsigned bundle, a key and its certificates."""
    make_bundle(tmp_path)
    LEAF.write_key(tmp_path / "release.key")
    (tmp_path / "release.pub").write_text(KeySigner(LEAF.key).public_key.pem)
    (tmp_path / "chain.pem").write_bytes(LEAF.pem)
    (tmp_path / "roots.pem").write_bytes(ROOT.pem)
    return tmp_path


def test_sign_and_verify_with_a_certificate(files: Path) -> None:
    bundle = files / "churn-1.2.0"
    done = run("sign", bundle, "--key", files / "release.key", "--certificate-chain", files / "chain.pem")
    assert (done.returncode, "CN=release,O=Acme" in done.stdout) == (0, True), done.stderr
    who = ("--certificate-roots", files / "roots.pem", "--certificate-subject")
    shown = run("verify", bundle, *who, "CN=release,O=Acme")
    assert (shown.returncode, "no trusted time" in shown.stdout) == (0, True), shown.stderr
    assert run("verify", bundle, *who, "CN=intern,O=Acme").returncode == 3


def test_sign_with_a_key_in_a_service(files: Path) -> None:
    bundle = files / "churn-1.2.0"
    uri = f"file2:{files / 'release.key'}"
    done = run("sign", bundle, "--key-uri", uri, "--public-key", files / "release.pub")
    assert done.returncode == 0, done.stderr
    assert run("verify", bundle, "--key", files / "release.pub").returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--key", "a", "--keyless"),
        ("--key", "a", "--staging"),
        ("--key", "a", "--trust-config", "b"),
        ("--key", "a", "--timestamp-url", "http://h"),
        ("--key", "a", "--public-key", "b"),
        ("--keyless", "--certificate-chain", "b"),
        ("--key-uri", "file2:a"),
    ],
)
def test_options_that_contradict_are_wrong_usage(files: Path, words: tuple[str, ...]) -> None:
    assert run("sign", files / "churn-1.2.0", *words).returncode == 2


@pytest.mark.parametrize(
    "words",
    [
        ("--certificate-identity", "a@b.example"),
        ("--certificate-oidc-issuer", "https://i.example"),
        ("--certificate-roots", "roots.pem"),
        ("--certificate-subject", "release"),
        ("--trusted-root", "staging"),
        ("--key", "a", "--certificate-identity", "b"),
        ("--key", "a", "--certificate-oidc-issuer", "https://i.example"),
    ],
)
def test_half_a_signer_is_wrong_usage(files: Path, words: tuple[str, ...]) -> None:
    assert run("verify", files / "churn-1.2.0", *words).returncode == 2


def test_a_token_is_never_an_argument(files: Path) -> None:
    done = run("sign", files / "churn-1.2.0", "--identity-token", "eyJhbGciOi.secret.token")
    assert (done.returncode, "secret" in done.stderr) == (1, False)
