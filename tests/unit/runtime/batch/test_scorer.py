"""One scorer for every engine: what comes out for which rows, in which columns and types."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlpack.errors import InputError, UsageError
from mlpack.runtime.batch.scorer import ScoreOptions, Scorer
from mlpack.runtime.predictor import Predictor


def table(rows: int = 4, **changed: Any) -> pa.RecordBatch:  # noqa: ANN401
    columns: dict[str, Any] = {
        "id": pa.array(range(rows), pa.int32()),
        "age": pa.array([20.0 + row for row in range(rows)]),
        "visits": pa.array([row % 50 for row in range(rows)]),
        "member": pa.array([row % 2 == 0 for row in range(rows)]),
        "city": pa.array(["A" if row % 3 else None for row in range(rows)]),
    }
    return pa.RecordBatch.from_pydict(columns | changed)


def scorer(people: Predictor, **options: Any) -> Scorer:  # noqa: ANN401
    return Scorer(people, ScoreOptions(**options))


def test_a_label_and_the_marks_follow_the_input_columns(people: Predictor) -> None:
    batch = table()
    scored = scorer(people).score(batch).rows
    assert scored.schema.names == [*batch.schema.names, "predict", "mlpack_digest", "mlpack_version"]
    assert scored.column("predict").to_pylist() == people.predict(batch).tolist()
    assert scored.column("mlpack_version").to_pylist() == ["1.0.0"] * 4


def test_probabilities_are_one_column_per_class(people: Predictor) -> None:
    batch = table()
    scored = scorer(people, methods=("predict_proba",)).score(batch).rows
    assert scored.schema.field("predict_proba[yes]").type == pa.float64()
    both = np.stack([scored.column(f"predict_proba[{name}]").to_numpy() for name in ("no", "yes")], axis=1)
    np.testing.assert_array_equal(both, people.predict_proba(batch))


def test_the_schema_is_known_before_any_row(people: Predictor) -> None:
    ready = scorer(people, methods=("predict", "decision_function"))
    assert ready.output_schema(table().schema) == ready.score(table()).rows.schema
    assert ready.quarantine_schema(table().schema) == ready.score(table()).quarantined.schema


def test_no_rows_give_no_rows_of_the_same_schema(people: Predictor) -> None:
    empty = scorer(people).score(table().slice(0, 0))
    assert empty.rows.num_rows == empty.quarantined.num_rows == 0
    assert empty.rows.schema == scorer(people).output_schema(table().schema)


def test_refusing_names_row_and_column(people: Predictor) -> None:
    bad = table(visits=pa.array([1, 2, None, 4]))
    with pytest.raises(InputError, match=r"row 102: column 'visits': expected an integer, found a missing"):
        scorer(people).score(bad, first_row=100)


def test_quarantine_takes_bad_rows_out_and_says_why(people: Predictor) -> None:
    bad = table(visits=pa.array([1, None, 3, None]), age=pa.array([1.0, float("inf"), 2.0, 3.0]))
    scored = scorer(people, mode="quarantine").score(bad)
    assert scored.rows.column("id").to_pylist() == [0, 2]
    assert scored.quarantined.column("id").to_pylist() == [1, 3]
    first, second = scored.quarantined.column("mlpack_reason").to_pylist()
    assert "'age': expected a finite number, found an infinity" in first
    assert second == "column 'visits': expected an integer, found a missing value"


def test_bytes_that_are_no_text_make_one_row_bad(people: Predictor) -> None:
    raw = pa.array([b"A", b"\xff\xfe", None, b"B"], pa.binary())
    cities = pa.Array.from_buffers(pa.string(), 4, raw.buffers(), null_count=1)
    for column in (cities, cities.dictionary_encode()):
        scored = scorer(people, mode="quarantine", keep=("id",)).score(table(city=column))
        assert scored.rows.column("id").to_pylist() == [0, 2, 3]
        assert scored.positions == (1,)
        (reason,) = scored.quarantined.column("mlpack_reason").to_pylist()
        assert reason == "column 'city': expected a string, found bytes"


def test_a_chunk_of_bad_rows_only_leaves_none(people: Predictor) -> None:
    bad = table(visits=pa.nulls(4, pa.int64()))
    scored = scorer(people, mode="quarantine").score(bad)
    assert scored.rows.num_rows == 0
    assert scored.quarantined.num_rows == 4


def test_values_of_rows_never_reach_a_reason(people: Predictor) -> None:
    bad = table(city=pa.array(["A", "<mlpack:null>", "B", None]))
    reasons = scorer(people, mode="quarantine").score(bad).quarantined.column("mlpack_reason").to_pylist()
    assert len(reasons) == 1
    assert "<mlpack" not in reasons[0]


def test_kept_columns_stand_in_the_order_asked_for(people: Predictor) -> None:
    names = scorer(people, keep=("city", "id"), prefix="m_").output_schema(table().schema).names
    assert names == ["city", "id", "m_predict", "m_mlpack_digest", "m_mlpack_version"]


def test_a_column_called_like_a_score_is_refused_with_a_way_out(people: Predictor) -> None:
    with pytest.raises(UsageError, match="prefix"):
        scorer(people).score(table(predict=pa.array([1, 2, 3, 4])))


def test_a_missing_column_is_refused_in_every_mode(people: Predictor) -> None:
    with pytest.raises(InputError, match="'city': expected, but missing"):
        scorer(people, mode="quarantine").score(table().drop_columns(["city"]))


@pytest.mark.parametrize(
    "wrong",
    [
        pa.array(["1", "2", "3", "4"]),
        pa.array([0, 1, 2, 3], pa.timestamp("us")),
        pa.array([[1.0]] * 4),
        pa.array([b"1"] * 4),
    ],
    ids=lambda array: str(array.type),
)
def test_a_column_of_an_unusable_type_is_refused_in_every_mode(people: Predictor, wrong: pa.Array) -> None:
    with pytest.raises(InputError, match=r"'age'.*expected a number in each row"):
        scorer(people, mode="quarantine").score(table(age=wrong))


@pytest.mark.parametrize(
    "city",
    [
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int8(), pa.string()),
        pa.dictionary(pa.int32(), pa.large_string()),
    ],
    ids=str,
)
def test_texts_of_every_encoding_score_alike(people: Predictor, city: pa.DataType) -> None:
    plain = table(9)
    other = plain.set_column(4, "city", plain.column("city").cast(city))
    options = {"methods": ("decision_function",)}
    expected = scorer(people, **options).score(plain).rows.column("decision_function")
    found = scorer(people, **options).score(other).rows
    assert found.column("decision_function") == expected
    assert found.column("city") == other.column("city")


@pytest.mark.parametrize(
    "age", [pa.int8(), pa.uint64(), pa.float32(), pa.float16(), pa.decimal128(9, 2)], ids=str
)
def test_numbers_of_every_width_score_alike(people: Predictor, age: pa.DataType) -> None:
    plain = table(9, age=pa.array([20.0, None, *range(1, 8)]))
    other = plain.set_column(1, "age", plain.column("age").cast(age))
    options = {"methods": ("decision_function",)}
    expected = scorer(people, **options).score(plain).rows.column("decision_function")
    assert scorer(people, **options).score(other).rows.column("decision_function") == expected


def test_a_column_of_nothing_but_nulls_is_missing_throughout(people: Predictor) -> None:
    scored = scorer(people, methods=("decision_function",)).score(table(age=pa.nulls(4), city=pa.nulls(4)))
    assert scored.rows.column("decision_function").to_pylist() == [-39.0, -39.0, -37.0, -37.0]


def test_an_integer_that_a_float_cannot_hold_is_a_bad_row(people: Predictor) -> None:
    batch = table(age=pa.array([1, 2**53 + 1, None, 3]))
    scored = scorer(people, mode="quarantine").score(batch)
    assert scored.quarantined.column("id").to_pylist() == [1]


def test_nested_columns_pass_through_untouched(people: Predictor) -> None:
    nested = pa.array([{"a": [1, None]}, None, {"a": []}, {"a": None}])
    assert scorer(people).score(table(nested=nested)).rows.column("nested") == nested


def test_chunks_give_the_same_labels(people: Predictor) -> None:
    batch = table(1000)
    whole = scorer(people).score(batch).rows
    assert scorer(people, chunk_rows=7).score(batch).rows == whole


def test_a_long_dictionary_is_read_for_the_rows_at_hand_only(people: Predictor) -> None:
    city = pa.DictionaryArray.from_arrays(
        pa.array([1, 0, None, 1], pa.int32()), pa.array(["A", "B", *map(str, range(999))])
    )
    scored = scorer(people, methods=("decision_function",)).score(table(city=city)).rows
    plain = scorer(people, methods=("decision_function",)).score(table(city=city.dictionary_decode())).rows
    assert scored.column("decision_function") == plain.column("decision_function")


def test_a_method_that_is_not_offered_is_refused(people: Predictor) -> None:
    with pytest.raises(UsageError, match="choose from predict"):
        scorer(people, methods=("transform",))


def test_warn_contradicts_a_predictor_that_refuses_ranges(people: Predictor) -> None:
    people.ranges = "refuse"
    with pytest.raises(UsageError, match="ranges='warn'"):
        scorer(people, mode="warn")


def test_a_model_of_plain_arrays_reads_its_columns_by_name(echo_array: Any) -> None:  # noqa: ANN401
    model = echo_array(2)
    batch = pa.RecordBatch.from_pydict({"x1": [2.0], "key": ["k"], "x0": [1.0]})
    scored = scorer(model).score(batch).rows
    assert scored.select(["transform[0]", "transform[1]"]).to_pylist() == [
        {"transform[0]": 1.0, "transform[1]": 2.0}
    ]
