"""The schema of a skops archive, read by rules of our own before skops is imported.

Every node must be of a known kind with exactly its fields, and every name on the reviewed list. What this
module accepts, skops 0.16 and later (protocol 2) construct without any choice left to the archive.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from mlpack.errors import FormatError
from mlpack.runtime.engines import _reviewed as reviewed

__all__ = ["PROTOCOL", "check_schema"]

PROTOCOL = 2
MAX_NODES = 5_000_000
MAX_DEPTH = 200
_FILE = re.compile(r"(0|[1-9][0-9]*)\.(npy|npz|bin)")
_GENERATORS = ("PCG64", "MT19937", "Philox", "SFC64")
_BASE = {"__class__", "__module__", "__loader__"}


def check_schema(
    document: Mapping[str, Any], files: Mapping[str, bytes], *, own: frozenset[str] = frozenset()
) -> None:
    """Refuse a schema that names anything which is not on the reviewed list, or breaks its own form.

    Args:
        document: The parsed schema.json.
        files: Name -> bytes of the other entries.
        own: Names of the bundle's own code, when that may run.

    Raises:
        FormatError: Where, and what was found.
    """
    if document.get("protocol") != PROTOCOL or type(document.get("protocol")) is not int:
        raise FormatError(f"expected protocol {PROTOCOL}", where="schema.json.protocol")
    if not isinstance(document.get("_skops_version"), str):
        raise FormatError("expected the version of skops", where="schema.json._skops_version")
    root = {key: value for key, value in document.items() if key not in ("protocol", "_skops_version")}
    walk = _Walk(files, own)
    walk.node(root, "schema.json", 0)
    if unused := sorted(set(files) - walk.used):
        raise FormatError("an entry that nothing refers to", where=unused[0][:80])


class _Walk:
    """Visits every node of one schema, in the order in which skops does."""

    def __init__(self, files: Mapping[str, bytes], own: frozenset[str]) -> None:
        self._files = files
        self._classes = reviewed.CLASSES | own
        self._functions = reviewed.FUNCTIONS | own
        self._types = reviewed.TYPES | self._classes
        self._known: set[int] = set()
        self._count = 0
        self.used: set[str] = set()
        self._kinds: Mapping[str, Callable[[Mapping[str, Any], str, int], None]] = {
            "JsonNode": self._scalar,
            "DictNode": self._dict,
            "DefaultDictNode": self._defaultdict,
            "ListNode": self._sequence,
            "TupleNode": self._sequence,
            "SetNode": self._sequence,
            "NdArrayNode": self._array,
            "MaskedArrayNode": self._masked,
            "SparseMatrixNode": self._sparse,
            "DTypeNode": self._dtype,
            "TypeNode": self._type,
            "FunctionNode": self._function,
            "SliceNode": self._slice,
            "ObjectNode": self._object,
            "TreeNode": self._tree,
            "LossNode": self._loss,
            "BytesNode": self._bytes,
            "BytearrayNode": self._bytes,
            "RandomStateNode": self._random_state,
            "RandomGeneratorNode": self._generator,
        }

    def node(self, node: object, where: str, depth: int) -> None:
        """Check one node and all below it."""
        self._count += 1
        if self._count > MAX_NODES or depth > MAX_DEPTH:
            raise FormatError("too large or nested too deeply", where="schema.json")
        if not isinstance(node, dict):
            raise FormatError("expected an object", where=where)
        identity = node.get("__id__")
        if identity is not None and (type(identity) is not int or identity < 1):
            raise FormatError("expected a positive number", where=f"{where}.__id__")
        if node.keys() == {"__id__"}:  # the same object as before, which is complete by now
            if identity not in self._known:
                raise FormatError("refers to an object that does not come before it", where=where)
            return
        if identity in self._known:
            raise FormatError("two objects of one number", where=where)
        kind = node.get("__loader__")
        if not isinstance(kind, str) or kind not in self._kinds:
            raise FormatError(f"a kind of object that is not accepted: {str(kind)[:80]!r}", where=where)
        self._kinds[kind](node, where, depth)
        if identity is not None:
            self._known.add(identity)

    def _fields(self, node: Mapping[str, Any], where: str, *names: str) -> str:
        """Check that a node has these fields and no others; return the name of its class."""
        if node.keys() - {"__id__"} != _BASE | set(names):
            raise FormatError("unexpected or missing fields", where=where)
        if not isinstance(node["__class__"], str) or not isinstance(node["__module__"], str):
            raise FormatError("expected names", where=where)
        return f"{node['__module__']}.{node['__class__']}"

    def _named(
        self, node: Mapping[str, Any], where: str, allowed: frozenset[str] | set[str], *names: str
    ) -> None:
        name = self._fields(node, where, *names)
        if name not in allowed:
            raise FormatError(f"not on the list of reviewed names: {name[:120]}", where=where)

    def _scalar(self, node: Mapping[str, Any], where: str, depth: int) -> None:  # noqa: ARG002
        self._named(node, where, {"builtins.str"}, "content", "is_json")
        text = node["content"]
        try:
            value = json.loads(text) if isinstance(text, str) and len(text) < 1 << 26 else node
        except (ValueError, RecursionError) as error:
            raise FormatError("expected a value as JSON text", where=where) from error
        if isinstance(value, (dict, list)):
            raise FormatError("expected one value", where=where)

    def _dict(self, node: Mapping[str, Any], where: str, depth: int) -> None:
        self._named(node, where, reviewed.DICTS, "content", "key_types")
        keys, content = node["key_types"], node["content"]
        self.node(keys, f"{where}.key_types", depth + 1)
        if not isinstance(content, dict) or keys.get("__loader__") != "ListNode":
            raise FormatError("expected a dict with the types of its keys", where=where)
        types = keys["content"]
        if len(types) != len(content) or any(item.get("__loader__") != "TypeNode" for item in types):
            raise FormatError("expected one type per key", where=where)
        for name, value in content.items():
            self.node(value, f"{where}.{name[:60]}", depth + 1)

    def _defaultdict(self, node: Mapping[str, Any], where: str, depth: int) -> None:
        self._named(node, where, {"collections.defaultdict"}, "content")
        content = self._parts(node, where, "main", "default_factory")
        for name, value in content.items():
            self.node(value, f"{where}.{name}", depth + 1)

    def _parts(self, node: Mapping[str, Any], where: str, *names: str) -> Mapping[str, Any]:
        content = node["content"]
        if not isinstance(content, dict) or content.keys() != set(names):
            raise FormatError("unexpected or missing parts", where=where)
        return content

    def _sequence(self, node: Mapping[str, Any], where: str, depth: int) -> None:
        kind = node["__loader__"].removesuffix("Node").lower()
        self._named(node, where, {f"builtins.{kind}"}, "content")
        if not isinstance(node["content"], list):
            raise FormatError("expected a list", where=where)
        for index, value in enumerate(node["content"]):
            self.node(value, f"{where}[{index}]", depth + 1)

    def _array(self, node: Mapping[str, Any], where: str, depth: int) -> None:
        if node.get("type") == "json":
            self._named(node, where, {"numpy.ndarray"}, "content", "type", "shape")
            if not isinstance(node["content"], list):
                raise FormatError("expected a list", where=where)
            for index, value in enumerate(node["content"]):
                self.node(value, f"{where}[{index}]", depth + 1)
            self.node(node["shape"], f"{where}.shape", depth + 1)
            return
        self._named(node, where, {"numpy.ndarray"} | reviewed.SCALARS, "type", "file")
        self._file(node, where, "numpy", ".npy")

    def _file(self, node: Mapping[str, Any], where: str, kind: str, suffix: str) -> None:
        name = node["file"]
        if node.get("type", kind) != kind or not isinstance(name, str) or not _FILE.fullmatch(name):
            raise FormatError("expected a numbered entry", where=where)
        if not name.endswith(suffix) or name not in self._files:
            raise FormatError("refers to an entry that is not there", where=where)
        self.used.add(name)

    def _masked(self, node: Mapping[str, Any], where: str, depth: int) -> None:
        self._named(node, where, {"numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"}, "content")
        for name, value in self._parts(node, where, "data", "mask").items():
            self.node(value, f"{where}.{name}", depth + 1)

    def _sparse(self, node: Mapping[str, Any], where: str, depth: int) -> None:  # noqa: ARG002
        kinds = {
            f"scipy.sparse._{kind}.{kind}_{form}" for kind in ("csr", "csc") for form in ("matrix", "array")
        }
        self._named(node, where, kinds, "type", "file")
        self._file(node, where, "scipy", ".npz")

    def _dtype(self, node: Mapping[str, Any], where: str, depth: int) -> None:
        self._named(node, where, {"numpy.dtype"}, "content")
        self.node(node["content"], f"{where}.content", depth + 1)

    def _type(self, node: Mapping[str, Any], where: str, depth: int) -> None:  # noqa: ARG002
        self._named(node, where, self._types)

    def _function(self, node: Mapping[str, Any], where: str, depth: int) -> None:  # noqa: ARG002
        self._named(node, where, self._functions)

    def _slice(self, node: Mapping[str, Any], where: str, depth: int) -> None:  # noqa: ARG002
        self._named(node, where, {"builtins.slice"}, "content")
        for value in self._parts(node, where, "start", "stop", "step").values():
            if value is not None and type(value) is not int:
                raise FormatError("expected whole numbers", where=where)

    def _object(self, node: Mapping[str, Any], where: str, depth: int) -> None:
        self._named(node, where, self._classes, *(["content"] if "content" in node else []))
        if "content" in node:
            self.node(node["content"], f"{where}<{node['__class__']}>", depth + 1)

    def _tree(self, node: Mapping[str, Any], where: str, depth: int) -> None:
        self._named(node, where, {"sklearn.tree._tree.Tree"}, "__reduce__", "content")
        self._reduced(node, where, depth)

    def _loss(self, node: Mapping[str, Any], where: str, depth: int) -> None:
        self._named(node, where, reviewed.LOSSES, "__reduce__", "content")
        self._reduced(node, where, depth)

    def _reduced(self, node: Mapping[str, Any], where: str, depth: int) -> None:
        reduce = node["__reduce__"]
        if not isinstance(reduce, dict) or reduce.keys() != {"args"}:
            raise FormatError("expected arguments", where=where)
        self.node(node["content"], f"{where}.content", depth + 1)
        self.node(reduce["args"], f"{where}.args", depth + 1)

    def _bytes(self, node: Mapping[str, Any], where: str, depth: int) -> None:  # noqa: ARG002
        kind = node["__loader__"].removesuffix("Node").lower()
        self._named(node, where, {f"builtins.{kind}"}, "file")
        self._file(node, where, "", ".bin")

    def _random_state(self, node: Mapping[str, Any], where: str, depth: int) -> None:
        self._named(node, where, {"numpy.random.mtrand.RandomState", "numpy.random.RandomState"}, "content")
        self.node(node["content"], f"{where}.content", depth + 1)

    def _generator(self, node: Mapping[str, Any], where: str, depth: int) -> None:
        names = {"numpy.random._generator.Generator", "numpy.random.Generator"}
        self._named(node, where, names, "content")
        parts = self._parts(node, where, "bit_generator", "seed_seq")
        for name, value in parts.items():
            self.node(value, f"{where}.{name}", depth + 1)
        try:
            generator = json.loads(parts["bit_generator"]["content"]["bit_generator"]["content"])
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError("expected the name of a bit generator", where=where) from error
        if generator not in _GENERATORS:
            raise FormatError("not one of NumPy's bit generators", where=where)
