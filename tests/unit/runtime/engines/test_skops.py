"""What a skops archive may hold, and what is done with one that holds more."""

# ruff: noqa: ANN401  (models and JSON are of any type)
from __future__ import annotations

import copy
import json
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, SplineTransformer
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from mlpack.errors import FormatError, MlpackError
from mlpack.packing.export.graph import Unsupported
from mlpack.packing.export.native import make_archive
from mlpack.runtime.engines._archive import read_archive, write_archive
from mlpack.runtime.engines._schema import check_schema
from mlpack.runtime.engines.skops import load_archive

ROWS = np.random.default_rng(0).normal(size=(60, 3))
LABELS = (ROWS[:, 0] > 0).astype(int)


@pytest.fixture(scope="module")
def tree_archive() -> bytes:
    return make_archive(DecisionTreeClassifier(max_depth=3, random_state=0).fit(ROWS, LABELS))


def schema_of(archive: bytes) -> Any:
    return json.loads(read_archive(archive, where="x")["schema.json"])


def with_schema(archive: bytes, schema: Any) -> bytes:
    return write_archive({**read_archive(archive, where="x"), "schema.json": json.dumps(schema).encode()})


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(n_estimators=3, random_state=0),
        GradientBoostingClassifier(n_estimators=3, random_state=0),
        HistGradientBoostingClassifier(max_iter=3, random_state=0),
        SVC(random_state=0),
        make_pipeline(
            SplineTransformer(), FunctionTransformer(np.exp), DecisionTreeClassifier(random_state=0)
        ),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_model_comes_back_and_answers_bit_for_bit(model: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model.fit(ROWS, LABELS)
    archive = make_archive(model)
    again = load_archive(archive)
    np.testing.assert_array_equal(again.predict(ROWS), model.predict(ROWS))
    assert make_archive(again) == archive


def test_an_archive_is_read_only_as_it_would_be_written(tree_archive: bytes) -> None:
    entries = read_archive(tree_archive, where="x")
    squeezed = BytesIO()
    with zipfile.ZipFile(squeezed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    for hostile in (squeezed.getvalue(), tree_archive + b"\0", b"\0" + tree_archive, tree_archive[:-1], b""):
        with pytest.raises(FormatError, match="not an archive of stored entries"):
            read_archive(hostile, where="x")


def test_a_compressed_bomb_is_not_unpacked() -> None:
    bomb = BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b"\0" * 200_000_000)
    with pytest.raises(FormatError, match="not an archive of stored entries"):
        load_archive(bomb.getvalue())


def every_name(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "__loader__" in node and node["__loader__"] != "JsonNode":
            yield node
        for value in node.values():
            yield from every_name(value)
    elif isinstance(node, list):
        for value in node:
            yield from every_name(value)


def test_no_name_in_an_archive_can_be_another_one(tree_archive: bytes) -> None:
    original = schema_of(tree_archive)
    count = sum(1 for _ in every_name(original))
    assert count > 20
    for index in range(count):
        for module, name in (("os", "system"), ("builtins", "eval"), ("subprocess", "Popen")):
            schema = copy.deepcopy(original)
            node = list(every_name(schema))[index]
            node["__module__"], node["__class__"] = module, name
            with pytest.raises(FormatError, match="not on the list of reviewed names"):
                check_schema(schema, read_files(tree_archive))


def read_files(archive: bytes) -> dict[str, bytes]:
    return {name: data for name, data in read_archive(archive, where="x").items() if name != "schema.json"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda schema: schema.update(protocol=1), "expected protocol 2"),
        (lambda schema: schema.update(protocol=True), "expected protocol 2"),
        (lambda schema: schema.update(__loader__="MethodNode"), "not accepted: 'MethodNode'"),
        (lambda schema: schema.update(__loader__="OperatorFuncNode"), "not accepted: 'OperatorFuncNode'"),
        (lambda schema: schema.update(__loader__="PartialNode"), "not accepted: 'PartialNode'"),
        (lambda schema: schema.update(more=1), "unexpected or missing fields"),
        (lambda schema: schema.update(__id__=True), "expected a positive number"),
        (
            lambda schema: schema["content"]["content"].update(extra={"__id__": 999}),
            "expected one type per key",
        ),
        (
            lambda schema: schema.update(content={"__id__": 999}),
            "refers to an object that does not come before",
        ),
        (lambda schema: schema.update(content=[]), "expected an object"),
    ],
)
def test_a_schema_of_another_form_is_refused(
    tree_archive: bytes, change: Callable[[Any], None], reason: str
) -> None:
    schema = schema_of(tree_archive)
    change(schema)
    with pytest.raises(FormatError, match=reason):
        load_archive(with_schema(tree_archive, schema))


def test_an_entry_that_nothing_refers_to_is_refused(tree_archive: bytes) -> None:
    more = write_archive({**read_archive(tree_archive, where="x"), "99.npy": b""})
    with pytest.raises(FormatError, match="nothing refers to"):
        load_archive(more)


def changed_nodes(archive: bytes, field: str, value: int, row: int = 0) -> bytes:
    """Return an archive whose tree has another value in one field of one node."""
    entries = read_archive(archive, where="x")
    for name, data in entries.items():
        if name.endswith(".npy"):
            array = np.load(BytesIO(data))
            if array.dtype.names and field in array.dtype.names:
                array[field][row] = value
                stream = BytesIO()
                np.save(stream, array)
                return write_archive({**entries, name: stream.getvalue()})
    raise AssertionError(field)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("left_child", 10_000, "not one of its later nodes"),
        ("right_child", 10_000, "not one of its later nodes"),
        ("left_child", -7, "not one of its later nodes"),
        ("right_child", 0, "not one of its later nodes"),
        ("left_child", -1, "do not fit together"),
        ("feature", 3, "feature which is not there"),
        ("feature", -5, "feature which is not there"),
    ],
)
def test_a_tree_that_points_outside_itself_is_refused(
    tree_archive: bytes, field: str, value: int, reason: str
) -> None:
    with pytest.raises(FormatError, match=reason):
        load_archive(changed_nodes(tree_archive, field, value))


def test_a_tree_of_histogram_boosting_is_held_to_the_features_of_its_model() -> None:
    archive = make_archive(HistGradientBoostingClassifier(max_iter=2, random_state=0).fit(ROWS, LABELS))
    for field, value in (("feature_idx", 3), ("left", 10_000), ("right", 0)):
        with pytest.raises(FormatError, match="a tree"):
            load_archive(changed_nodes(archive, field, value))


def test_a_tree_of_more_features_than_its_forest_takes_is_refused() -> None:
    model = RandomForestClassifier(n_estimators=2, random_state=0).fit(ROWS, LABELS)
    model.n_features_in_ = 2
    with pytest.raises(FormatError, match="more features than its ensemble takes"):
        load_archive(make_archive(model))


def test_support_vectors_that_do_not_add_up_are_refused() -> None:
    model = SVC(random_state=0).fit(ROWS, LABELS)
    model._n_support = model._n_support + np.int32(5)
    with pytest.raises(FormatError, match="do not add up"):
        load_archive(make_archive(model))


def test_an_array_larger_than_its_data_is_refused_before_room_is_made(tree_archive: bytes) -> None:
    entries = read_archive(tree_archive, where="x")
    name = next(name for name in entries if name.endswith(".npy"))
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }".ljust(117) + b"\n"
    entries[name] = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    with pytest.raises(FormatError, match="larger or smaller than its data"):
        load_archive(write_archive(entries))


def test_an_array_of_objects_is_refused(tree_archive: bytes) -> None:
    entries = read_archive(tree_archive, where="x")
    name = next(name for name in entries if name.endswith(".npy"))
    stream = BytesIO()
    np.save(stream, np.array([print], dtype=object), allow_pickle=True)
    entries[name] = stream.getvalue()
    with pytest.raises(FormatError, match="an array of objects"):
        load_archive(write_archive(entries))


def test_neighbours_in_a_tree_of_compiled_code_are_not_on_the_list() -> None:
    archive = make_archive(KNeighborsClassifier(algorithm="kd_tree").fit(ROWS, LABELS))
    with pytest.raises(FormatError, match="KDTree"):
        load_archive(archive)


def test_a_function_of_the_authors_own_is_not_on_the_list() -> None:
    model = FunctionTransformer(schema_of).fit(ROWS)
    with pytest.raises(FormatError, match="schema_of"):
        load_archive(make_archive(model))


def test_a_model_of_a_state_that_makes_no_sense_is_one_clear_error(tree_archive: bytes) -> None:
    schema = schema_of(tree_archive)
    content = schema["content"]["content"]["tree_"]["__reduce__"]["args"]["content"]
    content.pop()
    with pytest.raises(MlpackError, match="cannot make a model"):
        load_archive(with_schema(tree_archive, schema))


def test_what_skops_cannot_write_is_refused_with_the_reason() -> None:
    model = FunctionTransformer(lambda rows: rows).fit(ROWS)
    model.generator = (number for number in range(3))
    with pytest.raises(Unsupported, match="skops cannot write it"):
        make_archive(model)
