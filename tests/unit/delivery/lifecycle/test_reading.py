"""Histories that are exported, listed, printed, brought along."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlpack._cli.main import main
from mlpack.delivery.lifecycle import history, list_bundles, promote, retire
from mlpack.delivery.lifecycle.auditing import fetch_history
from mlpack.errors import PolicyError, PolicyViolationError, UsageError
from mlpack.trust.history.evidence import history_from_bytes
from mlpack.trust.policy import Policy
from mlpack.trust.verification import verify

if TYPE_CHECKING:
    from tests.lifecycles import Shop

MakeBundle = Callable[..., Path]


def test_a_history_that_was_exported_says_the_same(running: tuple[Shop, Policy], tmp_path: Path) -> None:
    shop, policy = running
    evidence = fetch_history(shop.place)
    path = tmp_path / "history.json"
    path.write_bytes(evidence.to_bytes())
    for given in (evidence, path, str(path), shop.place):
        assert verify(f"{shop.place}:1.1.0", policy, history=given).version == "1.1.0"
    again = history_from_bytes(path.read_bytes(), source="x")
    assert again.to_bytes() == evidence.to_bytes()
    assert policy.history is not None
    named = replace(policy, history=replace(policy.history, source=path))
    copy = shop.copy(tmp_path / "bare")
    for tag, _ in copy.events():
        copy.untag(tag)
    assert verify(f"{copy.place}:1.1.0", named).version == "1.1.0"


def test_without_a_history_a_policy_that_asks_for_one_refuses(
    running: tuple[Shop, Policy], original: Shop
) -> None:
    _, policy = running
    with pytest.raises(PolicyViolationError, match="nobody has brought the history"):
        verify(original.folder / "churn-1.1.0", policy)


def test_a_history_that_no_policy_asks_for_is_a_mistake(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    with pytest.raises(UsageError, match="asks nothing of a history"):
        verify(f"{shop.place}:1.1.0", replace(policy, history=None), history=shop.place)


def test_a_list_says_what_is_in_force_and_what_is_retired(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    retire(f"{shop.place}:1.0.0", signer=shop.signers["security"], reason="old", policy=policy)
    rows = list_bundles(shop.place, policy=policy).facts().sections[0].table
    assert rows is not None
    assert [(row[0], row[-1]) for row in rows.rows] == [
        ("1.0.0", "retired: old"),
        ("1.1.0, production", "in force in production"),
        ("1.2.0", "never promoted"),
    ]
    assert len(list_bundles(shop.place).bundles) == 3


def test_the_document_holds_everything(running: tuple[Shop, Policy]) -> None:
    shop, policy = running
    document = json.loads(json.dumps(history(shop.place, policy=policy).document()))
    assert document["reliable"] is True
    assert [event["sequence"] for event in document["events"]] == [1, 2]
    assert document["events"][1]["previous"] == [document["events"][0]["id"]]
    assert document["stages"]["production"]["version"] == "1.1.0"


def test_a_policy_without_a_history_rule_lets_nobody_act(shop: Shop) -> None:
    with pytest.raises(PolicyError, match="says nothing of a history"):
        promote(
            f"{shop.place}:1.0.0",
            to="production",
            signer=shop.signers["lead"],
            reason="x",
            policy=replace(shop.policy(), history=None),
        )


@pytest.mark.parametrize("reason", ["", "  ", "a\nb", "x" * 2001, "\x1b[2J"])
def test_a_reason_is_one_line(shop: Shop, reason: str) -> None:
    with pytest.raises(UsageError, match="one line"):
        promote(
            f"{shop.place}:1.0.0",
            to="production",
            signer=shop.signers["lead"],
            reason=reason,
            policy=shop.policy(),
        )


def test_the_command_line_end_to_end(
    original: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = original.copy(tmp_path)
    monkeypatch.chdir(original.folder)
    policy = tmp_path / "policy.yaml"
    names = "".join(
        f"  - {{name: {who}, key: {original.folder}/{who}.pub}}\n" for who in ("ci", "lead", "security")
    )
    text = (
        "schema: mlpack-policy/1\nid: churn\nversion: '1'\nname: churn\n"
        f"signers:\n  - {{name: release, key: {original.folder}/release.pub}}\nattesters:\n{names}"
        "history:\n  stages:\n    production: {promote: [lead], rollback: [lead]}\n  retire: [security]\n"
        "  checkpoint: {by: [ci]}\n"
    )
    policy.write_text(text)
    common = ["--reason", "better", "--policy", str(policy), "--key"]
    for version in ("1.0.0", "1.1.0"):
        assert main(["promote", f"{shop.place}:{version}", "--to", "production", *common, "lead.key"]) == 0
    assert main(["promote", f"{shop.place}:1.2.0", "--to", "production", *common, "ci.key"]) == 3
    assert main(["rollback", shop.place, "--stage", "production", *common, "lead.key"]) == 0
    assert main(["retire", f"{shop.place}:1.1.0", *common, "security.key"]) == 0
    capsys.readouterr()
    assert main(["history", shop.place, "--policy", str(policy)]) == 3
    said = capsys.readouterr()
    assert "history-checkpoint" in said.err
    assert "the policy pins no history: add log: " in said.out
    log = shop.events()[0][1].log
    policy.write_text(f"{text}  log: {log}\n  in_force: production\n")
    checkpointed = ["--checkpoint", "7", "--key", "ci.key", "--export", str(tmp_path / "history.json")]
    assert main(["history", shop.place, "--policy", str(policy), *checkpointed]) == 0
    assert main(["history", shop.place, "--policy", str(policy), "--json"]) == 0
    assert main(["list", shop.place, "--policy", str(policy)]) == 0
    for version, status in (("1.0.0", 0), ("1.1.0", 3), ("1.2.0", 3)):
        assert main(["verify", f"{shop.place}:{version}", "--policy", str(policy)]) == status
    bundle, exported = str(original.folder / "churn-1.0.0"), str(tmp_path / "history.json")
    assert main(["verify", bundle, "--policy", str(policy)]) == 3
    for place in (exported, shop.place):
        assert main(["verify", bundle, "--policy", str(policy), "--history", place]) == 0
