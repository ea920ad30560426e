from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from mlpack.errors import RegistryError
from mlpack.oci.authorization import parse_challenges
from mlpack.oci.descriptors import IMAGE_INDEX, IMAGE_MANIFEST, Manifest, parse_manifest

WORDS = st.sampled_from(
    [
        "schemaVersion",
        "mediaType",
        "config",
        "layers",
        "manifests",
        "subject",
        "digest",
        "size",
        "annotations",
    ]
)
ATOMS = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([IMAGE_INDEX, IMAGE_MANIFEST, "x"])
JSON = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=12,
)


@given(document=st.dictionaries(WORDS, JSON, max_size=8), kind=st.sampled_from(["", IMAGE_MANIFEST]))
def test_any_json_is_a_manifest_or_one_kind_of_error(document: dict[str, object], kind: str) -> None:
    data = json.dumps({"schemaVersion": 2, **document}).encode()
    try:
        assert isinstance(parse_manifest(data, where="test", media_type=kind), Manifest)
    except RegistryError as error:
        assert error.code == "registry-document"  # noqa: PT017  (either is right)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_one_kind_of_error(data: bytes) -> None:
    try:
        parse_manifest(data, where="test")
    except RegistryError as error:
        assert error.code == "registry-document"  # noqa: PT017  (either is right)


@given(header=st.text(max_size=300))
def test_any_challenge_is_parsed(header: str) -> None:
    assert isinstance(parse_challenges(header), dict)
