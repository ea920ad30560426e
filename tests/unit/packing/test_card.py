"""The model card of a bundle."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from markdown_it import MarkdownIt

from mlpack.errors import UsageError
from mlpack.format.contract import CategoricalProfile, Contract, Input, NumericProfile, Output
from mlpack.packing.card import CardFacts, CardInput, CardOutput, CardParity, ModelCard, render_card

FACTS = CardFacts(
    name="churn",
    version="1.2.0",
    task="classification",
    model_class="sklearn.pipeline.Pipeline",
    methods=("predict", "predict_proba"),
    inputs=(CardInput(name="age", type="float64", nulls=True, range="0 to 94.5"),),
    outputs=(CardOutput(method="predict", type="<U3", shape="rows", classes="no, yes"),),
    parity=(CardParity(method="predict", certificate="exact", worst_error=0.0),),
    metrics={"auc": 0.875},
    datasets=("train",),
    golden_rows=64,
    golden_note="drawn from the contract",
    requires_python=">=3.11,<3.15",
    packages=("numpy==2.4.6", "onnxruntime==1.32.0"),
    platforms=("linux/amd64",),
    trained_with="scikit-learn 1.9.1",
)


def html(card: ModelCard, facts: CardFacts = FACTS) -> str:
    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    return str(reader.render(render_card(card, facts).decode()))


def test_an_empty_card_still_tells_the_facts() -> None:
    page = html(ModelCard())
    for words in (
        "<h1>churn</h1>",
        "churn 1.2.0",
        "0 to 94.5",
        "exact",
        "0.875",
        "onnxruntime==1.32.0",
        "64 ref",
    ):
        assert words in page


def test_empty_parts_have_no_heading() -> None:
    assert "Limitations" not in html(ModelCard())


def test_the_authors_words_get_their_section() -> None:
    page = html(ModelCard(title="Churn", limitations="Weak on new customers.\n\nSecond."))
    assert "<h1>Churn</h1>" in page
    assert "<h2>Limitations</h2>\n<p>Weak on new customers.</p>\n<p>Second.</p>" in page


@pytest.mark.parametrize("part", [item.name for item in fields(ModelCard)])
def test_no_part_can_bring_markup(part: str) -> None:
    text = "<img src=x onerror=alert(1)> [a](https://evil.example)\n\n# Fake heading\n\n| a |"
    page = html(ModelCard(**{part: text}))
    assert "<img" not in page
    assert "<a " not in page
    assert "<h1>Fake" not in page
    assert "Fake heading" in page


def test_no_fact_can_bring_markup() -> None:
    nasty = "<b>x</b>|`y`[z](u)"
    page = html(
        ModelCard(),
        replace(
            FACTS,
            name=nasty,
            task=nasty,
            methods=(nasty,),
            inputs=(CardInput(name=nasty, type=nasty, nulls=False, range=nasty),),
            metrics={nasty: 1.0},
            datasets=(nasty,),
            golden_note=nasty,
            packages=(nasty,),
        ),
    )
    assert "<b>" not in page
    assert "<a " not in page


def test_tells_how_to_verify_and_load() -> None:
    page = html(ModelCard())
    assert "<code>mlpack verify churn-1.2.0.mlpack --policy policy.yaml</code>" in page
    assert "model = mlpack.load('churn-1.2.0.mlpack', policy='policy.yaml')" in page


def test_a_contract_fills_the_tables() -> None:
    contract = Contract(
        layout="frame",
        inputs=(
            Input(
                name="age",
                tensor="age",
                dtype="float64",
                source="float64",
                nulls=True,
                profile=NumericProfile(
                    minimum=0, maximum=94.5, edges=(0.0, 94.5), shares=(1.0,), null_share=0
                ),
            ),
            Input(
                name="city",
                tensor="city",
                dtype="string",
                source="object",
                profile=CategoricalProfile(
                    categories=tuple(f"c{n:02}" for n in range(12)), shares=(), other_share=0.1, null_share=0
                ),
            ),
        ),
        outputs=(
            Output(
                method="predict_proba", tensor="p", dtype="float64", shape=(None, 2), classes=("no", "yes")
            ),
        ),
    )
    inputs, outputs = CardFacts.lines_of(contract)
    assert inputs[0] == CardInput(name="age", type="float64", nulls=True, range="0 to 94.5")
    assert inputs[1].range == "c00, c01, c02, c03, c04, c05, c06, c07, c08, c09, and 2 more, and others"
    assert outputs == (
        CardOutput(method="predict_proba", type="float64", shape="rows x 2", classes="no, yes"),
    )


def test_the_same_arguments_give_the_same_bytes() -> None:
    other = replace(FACTS, metrics={"auc": 0.875, "acc": 0.5})
    again = replace(FACTS, metrics={"acc": 0.5, "auc": 0.875})
    assert render_card(ModelCard(), other) == render_card(ModelCard(), again)


@pytest.mark.parametrize("value", [None, 3, ["a"]])
def test_parts_are_strings(value: Any) -> None:  # noqa: ANN401  (wrong on purpose)
    with pytest.raises(UsageError) as caught:
        ModelCard(limitations=value)
    assert caught.value.where == "card.limitations"


def test_the_licence_that_pack_was_given_is_on_the_card() -> None:
    assert "Apache-2.0" in html(ModelCard(), replace(FACTS, license="Apache-2.0"))


def test_measured_metrics_are_told_from_reported_ones() -> None:
    assert "were measured on the example" in html(ModelCard())
