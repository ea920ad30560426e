from __future__ import annotations

import base64
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlpack.errors import RegistryError
from mlpack.oci.authorization import parse_challenges
from mlpack.oci.credentials import ANONYMOUS, Credentials, find_credentials
from mlpack.oci.registry import Registry

Start = Callable[..., Any]
ME = Credentials(username="me", password="secret")


def client(fake: Any, credentials: Credentials = ME) -> Registry:  # noqa: ANN401
    registry: Registry = fake.client(credentials=credentials, patience=2.0)
    return registry


def test_basic_credentials_are_shown_once_asked_for(start_registry: Start) -> None:
    fake = start_registry(basic="me:secret")
    registry = client(fake)
    assert registry.tags() == ()
    assert registry.tags() == ()
    assert [("Authorization" in headers) for _, _, headers in fake.requests] == [False, True, True]


def test_a_token_is_asked_for_with_the_scope_of_a_push(start_registry: Start) -> None:
    fake = start_registry(bearer=True, basic="me:secret")
    client(fake).tags()
    asked = next(path for _, path, _ in fake.requests if path.startswith("/token"))
    assert "scope=repository%3Aa%2Fb%3Apull%2Cpush" in asked
    assert "service=fake" in asked


def test_a_token_is_kept(start_registry: Start) -> None:
    fake = start_registry(bearer=True, basic="me:secret")
    registry = client(fake)
    registry.tags()
    registry.tags()
    assert len(fake.tokens) == 1


def test_a_token_that_ended_is_renewed(start_registry: Start) -> None:
    fake = start_registry(bearer=True, basic="me:secret", token_life=0.2)
    registry = client(fake)
    registry.tags()
    fake.tokens.clear()
    registry.tags()
    assert len(fake.asked("GET", "/token")) == 2


def test_a_token_is_asked_for_without_credentials_too(start_registry: Start) -> None:
    fake = start_registry(bearer=True)
    assert client(fake, ANONYMOUS).tags() == ()


def test_an_identity_token_is_exchanged(start_registry: Start) -> None:
    fake = start_registry(bearer=True, refresh_token="refresh-me")
    client(fake, Credentials(identity_token="refresh-me")).tags()
    assert fake.asked("POST", "/token")
    assert not fake.asked("GET", "/token")


def test_a_registry_token_is_sent_as_it_is(start_registry: Start) -> None:
    fake = start_registry(bearer=True, tokens={"ready": 1e12})
    client(fake, Credentials(registry_token="ready")).tags()
    assert not fake.asked("GET", "/token")


@pytest.mark.parametrize("behaviour", [{"basic": "me:other"}, {"basic": "me:other", "bearer": True}])
def test_wrong_credentials_are_one_clear_error(start_registry: Start, behaviour: dict[str, Any]) -> None:
    with pytest.raises(RegistryError) as caught:
        client(start_registry(**behaviour)).tags()
    assert caught.value.code == "registry-unauthorized"
    assert caught.value.hint
    assert "secret" not in str(caught.value)


def test_no_credentials_are_one_clear_error(start_registry: Start) -> None:
    with pytest.raises(RegistryError, match="log in first"):
        client(start_registry(basic="me:secret"), ANONYMOUS).tags()


@pytest.mark.parametrize(
    "realm",
    ["http://tokens.example/token", "ftp://127.0.0.1/token", "http://u:p@127.0.0.1/t", "nonsense", ""],
)
def test_credentials_go_to_no_token_service_without_tls(start_registry: Start, realm: str) -> None:
    fake = start_registry(bearer=True, realm=realm or "//")
    with pytest.raises(RegistryError) as caught:
        client(fake).tags()
    assert caught.value.code == "registry-unauthorized"
    assert "u:p" not in str(caught.value)


def test_credentials_do_not_show_in_repr() -> None:
    assert "secret" not in repr(Credentials(username="me", password="secret", identity_token="secret"))


def test_challenges_are_parsed() -> None:
    header = 'Basic realm="a, \\"b\\"", Bearer realm="https://x/t",service=s , scope="repository:a:pull,push"'
    assert parse_challenges(header) == {
        "basic": {"realm": 'a, "b"'},
        "bearer": {"realm": "https://x/t", "service": "s", "scope": "repository:a:pull,push"},
    }


@pytest.mark.parametrize(
    "header", ["", "=", '"', "Bearer realm", 'Bearer realm="', "\x00" * 50, "a" * 100_000]
)
def test_odd_challenges_do_no_harm(header: str) -> None:
    parse_challenges(header)


# ------------------------------------------------------------------------------------------ files and helpers


def write_config(folder: Path, document: object, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(document))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))


def packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def write_helper(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_credentials_come_from_dockers_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(tmp_path, {"auths": {"https://r.example": {"auth": packed("me:p:w")}}}, monkeypatch)
    assert find_credentials("r.example") == Credentials(username="me", password="p:w")


def test_the_most_particular_place_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    auths = {"r.example": {"auth": packed("all:x")}, "r.example/team": {"auth": packed("team:x")}}
    write_config(tmp_path, {"auths": auths}, monkeypatch)
    assert find_credentials("r.example", "team/app").username == "team"
    assert find_credentials("r.example", "other/app").username == "all"


def test_the_named_file_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(tmp_path, {"auths": {"r.example": {"auth": packed("docker:x")}}}, monkeypatch)
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {"r.example": {"identitytoken": "t"}}}))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    assert find_credentials("r.example") == Credentials(identity_token="t")


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "none.json"))
    with pytest.raises(RegistryError, match="missing"):
        find_credentials("r.example")


def test_a_helper_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(tmp_path, {"credHelpers": {"r.example": "test"}}, monkeypatch)
    script = 'read host; [ "$1 $host" = "get r.example" ] && echo \'{"Username":"me","Secret":"pw"}\''
    write_helper(tmp_path, "test", script, monkeypatch)
    assert find_credentials("r.example") == Credentials(username="me", password="pw")


def test_a_helper_may_give_an_identity_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(tmp_path, {"credsStore": "test"}, monkeypatch)
    write_helper(tmp_path, "test", 'echo \'{"Username":"<token>","Secret":"tok"}\'', monkeypatch)
    assert find_credentials("r.example") == Credentials(identity_token="tok")


def test_a_store_that_knows_nothing_leaves_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    auths = {"r.example": {"auth": packed("me:x")}}
    write_config(tmp_path, {"credsStore": "test", "auths": auths}, monkeypatch)
    write_helper(tmp_path, "test", "echo 'credentials not found in native keychain'; exit 1", monkeypatch)
    assert find_credentials("r.example").username == "me"


@pytest.mark.parametrize("script", ["echo my-secret; exit 3", "echo my-secret", "echo '[\"my-secret\"]'"])
def test_a_helper_that_fails_shows_nothing_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    write_config(tmp_path, {"credsStore": "test"}, monkeypatch)
    write_helper(tmp_path, "test", script, monkeypatch)
    with pytest.raises(RegistryError) as caught:
        find_credentials("r.example")
    assert caught.value.code == "registry-credentials"
    assert "my-secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["../evil", "a/b", "", "not-installed"])
def test_a_helper_is_a_program_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write_config(tmp_path, {"credHelpers": {"r.example": name}}, monkeypatch)
    with pytest.raises(RegistryError, match="not on the PATH"):
        find_credentials("r.example")


@pytest.mark.parametrize("text", ["{", "[]", '{"auths":{"r.example":{"auth":"%%%"}}}'])
def test_a_broken_file_is_an_error_without_its_contents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    write_config(tmp_path, {}, monkeypatch)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(RegistryError) as caught:
        find_credentials("r.example")
    assert caught.value.code == "registry-credentials"
    assert "%%%" not in str(caught.value)


def test_no_file_means_nobody() -> None:
    assert find_credentials("r.example") == ANONYMOUS
