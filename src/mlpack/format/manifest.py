"""manifest.json: what a bundle is, and which file plays which part."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from mlpack.errors import FormatError, UnsupportedVersionError, UsageError
from mlpack.format.documents import Fields, canonical_json, parse_json
from mlpack.format.names import (
    ATTESTATIONS,
    CERTIFICATES,
    MANIFEST,
    PATH,
    UNHASHED,
    WHEELS,
    check_name,
    check_version,
)

__all__ = [
    "FORMAT_VERSION",
    "KNOWN_FEATURES",
    "FileEntry",
    "FormatClass",
    "Manifest",
    "ModelInfo",
    "Role",
    "Task",
]

FORMAT_VERSION = "1.0"
"""Version of the bundle format that this writer emits.

How to change it: a new optional field raises the minor; whatever changes predictions, what is executed or
what is covered by the signature becomes an entry of `requires` and KNOWN_FEATURES; a change that an old
reader must not survive raises the major. A golden bundle of every version stays in tests/conformance.
"""

ENGINES: Mapping[str, tuple[str, ...]] = {
    "onnx": ("onnx",),
    "data-only": ("catboost", "lightgbm", "skops", "xgboost"),
    "code": ("pickle", "python"),
}
"""Format class -> features of which a model of that class requires one: the engine that runs it."""

KNOWN_FEATURES = (
    "catboost",
    "external-data",
    "guard",
    "host-steps",
    "lightgbm",
    "onnx",
    "pickle",
    "python",
    "skops",
    "tensors",
    "tokenizer",
    "xgboost",
)
"""Entries of `format.requires` that this reader understands."""

FormatClass = Literal["onnx", "data-only", "code"]
"""What loading the model can do: run a graph, read data, or execute code."""

Task = Literal[
    "classification", "regression", "clustering", "outlier-detection", "transformation", "inference"
]
"""What the original does with rows."""

_VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_MAX_SIZE = 2**63 - 1

Role = Literal["model", "contract", "card", "lock", "environment", "bom", "golden", "parity", "code"]
"""Which part a file plays."""

_ROLES = get_args(Role)
_OWN = (*UNHASHED, MANIFEST)


@dataclass(frozen=True, kw_only=True, slots=True)
class FileEntry:
    """One file below the manifest.

    Attributes:
        role: Its part.
        size: Its size in bytes.
    """

    role: Role
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelInfo:
    """The model that runs, and the one that it was made from.

    Attributes:
        path: File to load.
        format: Format class of that file.
        original: Qualified class of the fitted model.
        framework: Library of the original and its version.
        task: `classification`, `regression`, `clustering`, `outlier-detection` or `transformation`;
            `inference` when the original does not say.
        methods: Methods offered, in the contract's order.
        certificate: Weakest parity certificate over all methods: `exact`, `tight` or `loose`.
        threads: Threads of one session under which parity was measured.
    """

    path: str
    format: FormatClass
    original: str
    framework: tuple[str, str]
    task: str
    methods: tuple[str, ...]
    certificate: str
    threads: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """The parsed manifest.

    Attributes:
        name: Name of the bundle.
        version: Version of the bundle.
        model: The model.
        files: Path -> part and size, of every file that SHA256SUMS lists but the manifest itself.
        requires: Features that a reader must understand.
        runtime: Distributions that serving needs at least: name -> version specifier.
        golden: `synthetic` or `sample`: where the golden rows come from.
        license: SPDX expression, or None.
        annotations: Free text by key, for people; nothing depends on it.
        ignored: Fields of a newer minor version that this reader skipped.
    """

    name: str
    version: str
    model: ModelInfo
    files: Mapping[str, FileEntry]
    requires: tuple[str, ...]
    runtime: Mapping[str, str]
    golden: Literal["synthetic", "sample"]
    license: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """`NAME-VERSION`: the archive's top folder and the signature's subject."""
        return f"{self.name}-{self.version}"

    def one(self, role: Role) -> str:
        """Return the path of the only file with this role.

        Raises:
            FormatError: There is none, or more than one.
        """
        paths = [path for path, entry in self.files.items() if entry.role == role]
        if len(paths) != 1:
            raise FormatError(
                f"expected one file with role {role!r}, found {len(paths)}", where="manifest.json.files"
            )
        return paths[0]

    def to_bytes(self) -> bytes:
        """Return manifest.json."""
        document: dict[str, Any] = {
            "format": {"version": FORMAT_VERSION, "requires": sorted(self.requires)},
            "name": self.name,
            "version": self.version,
            "model": {
                "path": self.model.path,
                "format": self.model.format,
                "original": self.model.original,
                "framework": {"name": self.model.framework[0], "version": self.model.framework[1]},
                "task": self.model.task,
                "methods": list(self.model.methods),
                "certificate": self.model.certificate,
                "threads": self.model.threads,
            },
            "runtime": dict(self.runtime),
            "golden": self.golden,
            "files": {path: {"role": entry.role, "size": entry.size} for path, entry in self.files.items()},
        }
        if self.license is not None:
            document["license"] = self.license
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        return canonical_json(document)

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Parse manifest.json.

        Raises:
            UnsupportedVersionError: Another major version, or a required feature that this reader lacks.
            FormatError: The document breaks the format.
        """
        top = Fields(parse_json(data, where="manifest.json"), "manifest.json")
        format_fields = top.fields("format")
        requires, newer = _check_format(format_fields)
        model_fields = top.fields("model")
        framework_fields = model_fields.fields("framework")
        files, file_fields = _files(top)
        manifest = cls(
            name=_checked(check_name, top, "name"),
            version=_checked(check_version, top, "version"),
            model=_model(model_fields, framework_fields),
            files=files,
            requires=requires,
            runtime=_texts(top, "runtime"),
            golden=cast("Literal['synthetic', 'sample']", top.choice("golden", ("synthetic", "sample"))),
            license=top.text("license") if top.holds("license") else None,
            annotations=_texts(top, "annotations") if top.holds("annotations") else {},
            ignored=_unknown([top, format_fields, model_fields, framework_fields, *file_fields], newer=newer),
        )
        _check_model(manifest)
        return manifest


def _check_format(fields: Fields) -> tuple[tuple[str, ...], bool]:
    """Return the required features, and whether a newer minor version wrote this."""
    version = fields.text("version")
    if not _VERSION.fullmatch(version):
        raise FormatError("expected MAJOR.MINOR", where=f"{fields.where}.version")
    major, _, minor = version.partition(".")
    ours = FORMAT_VERSION.split(".")
    if major != ours[0]:
        raise UnsupportedVersionError(
            f"this reader knows bundle format {FORMAT_VERSION}, found {version}",
            where=f"{fields.where}.version",
            hint="use a newer mlpack to read this bundle",
        )
    requires = fields.texts("requires")
    if missing := [feature for feature in requires if feature not in KNOWN_FEATURES]:
        raise UnsupportedVersionError(
            f"needs features that this reader lacks: {', '.join(feature[:40] for feature in missing)}",
            where=f"{fields.where}.requires",
            hint="use a newer mlpack to read this bundle",
        )
    if list(requires) != sorted(set(requires)):
        raise FormatError("expected sorted entries without repetition", where=f"{fields.where}.requires")
    return requires, int(minor) > int(ours[1])


def _model(fields: Fields, framework: Fields) -> ModelInfo:
    return ModelInfo(
        path=fields.text("path"),
        format=cast("FormatClass", fields.choice("format", get_args(FormatClass))),
        original=fields.text("original"),
        framework=(framework.text("name"), framework.text("version")),
        task=fields.choice("task", get_args(Task)),
        methods=fields.texts("methods"),
        certificate=fields.choice("certificate", CERTIFICATES),
        threads=fields.integer("threads", minimum=1),
    )


def _files(top: Fields) -> tuple[dict[str, FileEntry], list[Fields]]:
    files: dict[str, FileEntry] = {}
    cursors = []
    for path, value in top.mapping("files").items():
        if not PATH.fullmatch(path):
            raise FormatError("not a safe path", where=f"manifest.json.files[{path[:80]!r}]")
        if path in _OWN or path.startswith((ATTESTATIONS, WHEELS)):
            raise FormatError(
                "describes a file that is no content of the bundle", where=f"manifest.json.files[{path!r}]"
            )
        if (entry := _plain_entry(value)) is not None:
            files[path] = entry
            continue
        cursor = Fields(value, f"manifest.json.files[{path!r}]")
        size = cursor.integer("size")
        if size > _MAX_SIZE:
            raise FormatError("larger than any file", where=f"{cursor.where}.size")
        files[path] = FileEntry(role=cast("Role", cursor.choice("role", get_args(Role))), size=size)
        cursors.append(cursor)
    return files, cursors


def _plain_entry(value: object) -> FileEntry | None:
    """Return the entry if nothing about it needs a message; cursors are slow for thousands of files."""
    if not isinstance(value, dict) or value.keys() != {"role", "size"}:
        return None
    role, size = value["role"], value["size"]
    if role not in _ROLES or type(size) is not int or not 0 <= size <= _MAX_SIZE:
        return None
    return FileEntry(role=role, size=size)


def _texts(top: Fields, key: str) -> dict[str, str]:
    mapping = top.mapping(key)
    for name, value in mapping.items():
        if not isinstance(value, str):
            raise FormatError("expected a string", where=f"{top.where}.{key}[{name[:80]!r}]")
    return mapping


def _checked(check: Callable[[object], str], top: Fields, key: str) -> str:
    try:
        return check(top.text(key))
    except UsageError as error:
        raise FormatError(error.message, where=f"{top.where}.{key}") from error


def _unknown(cursors: list[Fields], *, newer: bool) -> tuple[str, ...]:
    unknown = [path for cursor in cursors for path in cursor.unknown()]
    if unknown and not newer:
        raise FormatError("unknown field", where=", ".join(unknown[:20]))
    return tuple(unknown)


def _check_model(manifest: Manifest) -> None:
    methods = manifest.model.methods
    if not methods or len(set(methods)) != len(methods):
        raise FormatError("expected at least one method and none twice", where="manifest.json.model.methods")
    entry = manifest.files.get(manifest.model.path)
    if entry is None or entry.role != "model":
        raise FormatError("names no file with role 'model'", where="manifest.json.model.path")
    engines = ENGINES[manifest.model.format]
    if len(set(engines) & set(manifest.requires)) != 1 or _other_engines(manifest):
        raise FormatError(
            f"a model of class {manifest.model.format!r} requires one of the features {', '.join(engines)}",
            where="manifest.json.format.requires",
        )


def _other_engines(manifest: Manifest) -> bool:
    """Return whether engines of another format class are required too."""
    others = {name for kind, names in ENGINES.items() if kind != manifest.model.format for name in names}
    return bool(others & set(manifest.requires))
