"""The contract that is inferred from an example."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlpack.errors import ModelError
from mlpack.format.contract import CategoricalProfile, Contract, NumericProfile
from mlpack.packing.adapters import Description
from mlpack.packing.evidence.rules import Rules
from mlpack.packing.example import read_example
from mlpack.packing.profile import MAX_CATEGORIES, infer_contract

OPEN = Rules(nulls=True, infinities=False, unknown=True, limit=None)
CLOSED = Rules(nulls=False, infinities=False, unknown=True, limit=None)


def describe(classes: np.ndarray | None = None) -> Description:
    return Description(
        original="a.B",
        architecture=("B",),
        framework=("scikit-learn", "1"),
        task="regression",
        methods=("predict",),
        classes=classes,
        columns=None,
        width=None,
    )


def infer(
    example: object, rules: Rules = CLOSED, answer: np.ndarray | None = None, classes: object = None
) -> Contract:
    rows = read_example(example)
    answers = {"predict": np.zeros(rows.rows) if answer is None else answer}
    every = {column.name: rules for column in rows.columns}
    labels = None if classes is None else np.asarray(classes)
    return infer_contract(rows, every, describe(labels), answers)  # type: ignore[arg-type]


def test_an_array_has_one_tensor_for_all_its_columns() -> None:
    contract = infer(np.ones((2, 3)))
    assert (contract.layout, {item.tensor for item in contract.inputs}) == ("array", {"X"})


def test_odd_column_names_become_plain_unique_tensor_names() -> None:
    contract = infer(pd.DataFrame({"a b": [1.0], "a-b": [1.0], "żółć": [1.0], "prediction": [1.0]}))
    assert [item.tensor for item in contract.inputs] == ["a_b", "a_b_2", "column", "prediction_2"]


def test_integers_stay_integers_while_nothing_may_be_missing() -> None:
    assert infer(pd.DataFrame({"n": [1, 2]})).inputs[0].dtype == "int64"


def test_integers_become_doubles_where_a_value_may_be_missing() -> None:
    assert infer(pd.DataFrame({"n": [1, 2]}), OPEN).inputs[0].dtype == "float64"


def test_a_numeric_profile_holds_range_and_shares_that_sum_to_one() -> None:
    profile = infer(pd.DataFrame({"n": [0.0, 1.0, 2.0, np.nan]}), OPEN).inputs[0].profile
    assert isinstance(profile, NumericProfile)
    assert (profile.minimum, profile.maximum, profile.null_share) == (0.0, 2.0, 0.25)
    assert sum(profile.shares) == pytest.approx(1)


def test_a_constant_column_has_one_bin() -> None:
    profile = infer(pd.DataFrame({"n": [5.0, 5.0]})).inputs[0].profile
    assert isinstance(profile, NumericProfile)
    assert (profile.edges, profile.shares) == ((5.0, 5.0), (1.0,))


def test_a_column_without_any_value_has_no_profile() -> None:
    assert infer(pd.DataFrame({"n": [np.nan]}), OPEN).inputs[0].profile is None


def test_a_categorical_profile_lists_categories_in_order_with_shares() -> None:
    profile = infer(pd.DataFrame({"t": ["b", "a", "b", None]})).inputs[0].profile
    assert isinstance(profile, CategoricalProfile)
    assert (profile.categories, profile.null_share) == (("a", "b"), 0.25)
    assert profile.shares == pytest.approx((1 / 3, 2 / 3))


def test_beyond_the_limit_only_the_commonest_categories_are_listed() -> None:
    texts = [f"t{number}" for number in range(MAX_CATEGORIES + 5)] + ["t3"]
    profile = infer(pd.DataFrame({"t": texts})).inputs[0].profile
    assert isinstance(profile, CategoricalProfile)
    assert len(profile.categories) == MAX_CATEGORIES
    assert profile.other_share == pytest.approx(5 / len(texts))


@pytest.mark.parametrize(
    ("classes", "dtype"),
    [(["no", "yes"], "<U3"), ([0, 1], "int64"), ([False, True], "bool"), ([1.0, 2.0], "float64")],
)
def test_labels_keep_their_dtype(classes: list[object], dtype: str) -> None:
    answer = np.asarray(classes)[[0, 1]]
    output = infer(np.ones((2, 1)), answer=answer, classes=classes).outputs[0]
    assert (output.dtype, output.classes, output.tensor) == (dtype, tuple(classes), "label")


def test_an_answer_of_three_dimensions_is_refused() -> None:
    with pytest.raises(ModelError, match="3 dimensions"):
        infer(np.ones((2, 1)), answer=np.zeros((2, 2, 2)))


def test_text_without_classes_is_refused() -> None:
    with pytest.raises(ModelError, match="without classes_"):
        infer(np.ones((2, 1)), answer=np.array(["a", "b"]))
