from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix

from mlpack.errors import FormatError, InputError, UsageError
from mlpack.format.contract import Contract
from mlpack.runtime.notices import ContractWarning
from mlpack.runtime.predictor import Predictor
from mlpack.runtime.session import Session

Echo = Callable[..., Predictor]

ROWS: dict[str, list[Any]] = {
    "age": [30.0, 50.0, None],
    "visits": [1, 2, 3],
    "member": [True, False, True],
    "city": ["A", "B", None],
}
SCORES = [30 + 1 + 1 + 1 - 40, 50 + 2 + 0 + 2 - 40, 0 + 3 + 1 + 0 - 40]


def frame(rows: int = 3) -> pd.DataFrame:
    return pd.DataFrame(ROWS).iloc[:rows]


def records(rows: int = 3) -> list[dict[str, Any]]:
    return [{name: cells[row] for name, cells in ROWS.items()} for row in range(rows)]


class ForeignFrame:
    columns = ("visits", "age", "member", "city")

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray[Any, Any]:
        return np.zeros((1, 4))


FORMS: dict[str, Any] = {
    "pandas": frame(),
    "pandas reordered": frame()[["city", "member", "visits", "age"]],
    "pandas nullable": frame().convert_dtypes(),
    "pandas category": frame().astype({"city": "category"}),
    "pandas object": frame().astype(object),
    "pandas arrow": pa.table(ROWS).to_pandas(types_mapper=pd.ArrowDtype),
    "polars": pl.DataFrame(ROWS),
    "polars categorical": pl.DataFrame(ROWS).with_columns(pl.col("city").cast(pl.Categorical)),
    "polars enum": pl.DataFrame(ROWS).with_columns(pl.col("city").cast(pl.Enum(["A", "B"]))),
    "pyarrow table": pa.table(ROWS),
    "pyarrow batch": pa.RecordBatch.from_pydict(ROWS),
    "pyarrow dictionary": pa.table({**ROWS, "city": pa.array(ROWS["city"]).dictionary_encode()}),
    "dict of lists": ROWS,
    "dict of series": dict(frame().items()),
    "dict of polars series": {name: pl.Series(name, cells) for name, cells in ROWS.items()},
    "dict of arrays": {name: np.array(cells, dtype=object) for name, cells in ROWS.items()},
    "records": records(),
    "nested lists": [list(row.values()) for row in records()],
    "object array": np.array([list(row.values()) for row in records()], dtype=object),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_rows_gives_the_same_answer(people: Predictor, form: str) -> None:
    assert people.decision_function(FORMS[form]).tolist() == SCORES


@pytest.mark.parametrize("form", [form for form in FORMS if form != "object array"])
def test_one_row_gives_what_it_gives_among_others(people: Predictor, form: str) -> None:
    X = FORMS[form]
    for row in range(3):
        if isinstance(X, dict):
            single: Any = {name: cells[row : row + 1] for name, cells in X.items()}
        else:
            single = X.iloc[[row]] if hasattr(X, "iloc") else X[row : row + 1]
        assert people.decision_function(single).tolist() == [SCORES[row]]


@pytest.mark.parametrize("row", range(3))
def test_a_dict_of_cells_is_one_row(people: Predictor, row: int) -> None:
    assert people.decision_function(records()[row]).tolist() == [SCORES[row]]


def test_labels_are_the_originals(people: Predictor) -> None:
    labels = people.predict(frame())
    assert labels.dtype == object
    assert labels.tolist() == ["no", "yes", "no"]


def test_probabilities_have_one_column_per_class(people: Predictor) -> None:
    answer = people.predict_proba(frame())
    assert answer.shape == (3, 2)
    assert answer.dtype == np.float64
    assert people.classes_.tolist() == ["no", "yes"]


@pytest.mark.parametrize(
    "X",
    [frame(0), pl.DataFrame(ROWS)[:0], [], {name: [] for name in ROWS}, np.empty((0, 4)), pa.table(ROWS)[:0]],
)
def test_no_rows_give_an_empty_answer(people: Predictor, X: object) -> None:
    assert people.predict_proba(X).shape == (0, 2)
    assert people.predict_proba(X).dtype == np.float64
    assert people.predict(X).shape == (0,)
    assert people.predict(X).dtype == object


def test_no_rows_with_a_missing_column_are_refused(people: Predictor) -> None:
    with pytest.raises(InputError, match="'city'"):
        people.predict(frame(0).drop(columns="city"))


def test_only_methods_of_the_bundle_exist(people: Predictor) -> None:
    assert hasattr(people, "predict_proba")
    assert not hasattr(people, "transform")
    assert "transform" not in dir(people)
    assert "predict_proba" in dir(people)


def test_a_method_that_is_not_there_says_which_are(people: Predictor) -> None:
    with pytest.raises(
        AttributeError, match=r"no transform; it offers predict, predict_proba, decision_function"
    ):
        people.transform(frame())


def test_other_attributes_are_missing_as_usual(people: Predictor) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'fit'"):
        _ = people.fit


def test_feature_names_are_those_of_the_frame(people: Predictor) -> None:
    assert people.feature_names_in_.tolist() == list(ROWS)
    assert people.n_features_in_ == 4


def test_an_array_contract_has_no_feature_names(echo_array: Echo) -> None:
    assert not hasattr(echo_array(), "feature_names_in_")


def test_the_repr_names_bundle_and_methods(people: Predictor) -> None:
    assert repr(people) == "<Predictor people 1.0.0: 4 inputs -> predict, predict_proba, decision_function>"


def test_a_predictor_is_not_pickled(people: Predictor) -> None:
    with pytest.raises(TypeError, match="load the bundle in each process"):
        pickle.dumps(people)


def test_a_missing_column_is_named_with_the_nearest(people: Predictor) -> None:
    with pytest.raises(InputError) as caught:
        people.predict(frame().rename(columns={"member": "members"}))
    assert "'member'" in str(caught.value)
    assert "'members'" in str(caught.value)


def test_a_missing_key_of_one_record_is_named_with_its_row(people: Predictor) -> None:
    rows = records()
    del rows[1]["visits"]
    with pytest.raises(InputError, match=r"column 'visits': row 1: expected, but missing"):
        people.predict(rows)


def test_further_columns_are_ignored_and_counted(people: Predictor) -> None:
    assert people.decision_function(frame().assign(extra=1)).tolist() == SCORES
    assert people.counts == {"extra columns ignored": 1}


def test_further_keys_of_records_are_counted_once_a_call(people: Predictor) -> None:
    assert people.decision_function([{**row, "more": 1} for row in records()]).tolist() == SCORES
    assert people.counts == {"extra columns ignored": 1}


def test_a_column_that_is_there_twice_is_refused(people: Predictor) -> None:
    twice = pd.concat([frame(), frame()[["age"]]], axis=1)
    with pytest.raises(InputError, match=r"'age': expected once, found 2 times"):
        people.predict(twice)


def test_a_further_column_may_be_there_twice(people: Predictor) -> None:
    twice = pd.concat([frame(), pd.DataFrame([[1, 2]] * 3, columns=["z", "z"])], axis=1)
    assert people.decision_function(twice).tolist() == SCORES


def test_a_scalar_stands_for_every_row(people: Predictor) -> None:
    X = {**ROWS, "age": 30.0, "city": "A"}
    assert people.decision_function(X).tolist() == [-7, -7, -5]


def test_columns_of_different_length_are_refused(people: Predictor) -> None:
    with pytest.raises(InputError, match="differ in their number of rows"):
        people.predict({**ROWS, "age": [1.0, 2.0]})


def test_ragged_rows_are_refused(people: Predictor) -> None:
    with pytest.raises(InputError, match="row 1: expected 4 cells, found 3"):
        people.predict([[1.0, 1, True, "A"], [1.0, 1, True]])


def test_all_columns_that_are_wrong_are_named(people: Predictor) -> None:
    with pytest.raises(InputError) as caught:
        people.predict({"age": "old", "visits": 1.5, "member": 1, "city": 7})
    assert [problem.split(",")[0] for problem in caught.value.problems] == [
        "column 'age'",
        "column 'visits'",
        "column 'member'",
        "column 'city'",
    ]


def test_no_value_of_a_row_is_quoted(people: Predictor) -> None:
    with pytest.raises(InputError) as caught:
        people.predict({"age": "secret-1", "visits": 987654.5, "member": "secret-2", "city": 424242})
    for secret in ("secret", "987654", "424242"):
        assert secret not in str(caught.value)


def test_at_most_twenty_problems_are_spelled_out(echo_array: Echo) -> None:
    with pytest.raises(InputError) as caught:
        echo_array(30).transform([["x"] * 30])
    assert len(caught.value.problems) == 21
    assert caught.value.problems[-1] == "... and 10 more"


def test_an_unusual_value_warns_once_and_is_counted(people: Predictor) -> None:
    old = {"age": 101.0, "visits": 1, "member": True, "city": "A"}
    with pytest.warns(ContractWarning, match="'age'") as caught:
        people.predict(old)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        people.predict(old)
    assert people.counts == {"age: above maximum": 2}


def test_an_unknown_category_is_counted(people: Predictor) -> None:
    with pytest.warns(ContractWarning, match="'city'"):
        people.predict(frame().assign(city=["C", "A", "D"]))
    assert people.counts == {"city: unknown category": 2}


def test_refused_ranges_are_errors(people_contract: Contract, people_session: Session) -> None:
    strict = Predictor(people_contract, people_session, ranges="refuse")
    with pytest.raises(InputError) as caught:
        strict.predict({"age": 101.0, "visits": -1, "member": True, "city": "C"})
    assert len(caught.value.problems) == 3


def test_ignored_ranges_are_not_even_counted(people_contract: Contract, people_session: Session) -> None:
    loose = Predictor(people_contract, people_session, ranges="ignore")
    loose.predict({"age": 101.0, "visits": -1, "member": True, "city": "C"})
    assert loose.counts == {}


def test_an_unknown_word_for_ranges_is_refused(people_contract: Contract, people_session: Session) -> None:
    with pytest.raises(UsageError, match="ranges"):
        Predictor(people_contract, people_session, ranges="maybe")  # type: ignore[arg-type]


def test_a_contract_of_other_inputs_than_the_graph_is_refused(
    people_contract: Contract, people_session: Session
) -> None:
    fewer = Contract(layout="frame", inputs=people_contract.inputs[1:], outputs=people_contract.outputs)
    with pytest.raises(FormatError, match="in_age: the contract has nothing"):
        Predictor(fewer, people_session)


@pytest.mark.parametrize(
    ("X", "said"),
    [
        (None, "found NoneType"),
        ("text", "found str"),
        (5, "found int"),
        (iter([]), "found list_iterator"),
        (frame()["age"], "found a Series"),
        (pl.Series([1.0]), "found a Series"),
        (pl.DataFrame(ROWS).lazy(), "found a LazyFrame"),
        (ForeignFrame(), "found ForeignFrame of an unknown library"),
        (np.array(1.0), "expected 2 dimensions, found 0"),
        (np.zeros(4), "expected 2 dimensions, found 1"),
        (np.zeros((1, 1, 4)), "expected 2 dimensions, found 3"),
        (np.zeros((1, 5)), "expected 4 columns, found 5"),
        (np.zeros(2, dtype=[("age", "f8"), ("visits", "i8")]), "structured array"),
        ([1.0, 2.0], "row 0: expected a list of cells, found float"),
        ([[1.0, 1, True, "A"], {"age": 1}], "row 1: expected a list of cells, found dict"),
    ],
)
def test_what_is_not_rows_is_refused(people: Predictor, X: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        people.predict(X)


def test_a_sparse_matrix_is_spelled_out(echo_array: Echo) -> None:
    cells = np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 3.0]])
    assert np.array_equal(echo_array().transform(csr_matrix(cells)), cells)


def test_integer_column_labels_match_by_their_text(echo_column: Echo) -> None:
    model = echo_column("float64")
    renamed = pd.DataFrame({"c": [1.0, 2.0]}).rename(columns={"c": 0})
    with pytest.raises(InputError, match="'c'"):
        model.transform(renamed)
