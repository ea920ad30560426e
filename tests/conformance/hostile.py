"""The table of hostile archives: how each is made from the golden bundle, and what a reader must say.

`regenerate.py` writes them, and `hostile/hostile.json` is the same table for readers in other languages. Every
case differs from the golden bundle in one thing only; where a list covers what was changed, it was made again.
"""

# ruff: noqa: E501  (the table has one row per case)
from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mlpack.format import tar
from mlpack.format.checksums import serialise_checksums
from mlpack.format.integrity import stored_order
from mlpack.format.writer import Assembled

TOP = "tiny-1.0.0"
WHEEL_PATH = "wheels/numpy-2.4.0-py3-none-any.whl"
Files = dict[str, bytes]


class Case(NamedTuple):
    """One archive and its verdict.

    Attributes:
        name: File name without its ending.
        how: What was done to the golden bundle.
        code: Code of the refusal, or "accepted".
        word: What some problem must mention; empty when accepted.
        data: The archive.
    """

    name: str
    how: str
    code: str
    word: str
    data: bytes

    def verdict(self) -> dict[str, str]:
        """Return the row of hostile.json."""
        sha256 = hashlib.sha256(self.data).hexdigest()
        return {"name": self.name, "how": self.how, "code": self.code, "word": self.word, "sha256": sha256}


def member(path: str, data: bytes, **changes: bytes) -> bytes:
    """Return one archive member; `changes` overwrite header fields, and the header's checksum is made again."""
    return raw_member(tar.header(path, len(data)), data, **changes)


_AT = {
    "name": (0, 100), "mode": (100, 8), "uid": (108, 8), "gid": (116, 8), "size": (124, 12), "mtime": (136, 12),
    "type": (156, 1), "link": (157, 100), "magic": (257, 8), "user": (265, 32), "prefix": (345, 155),
}  # fmt: skip


def raw_member(header: bytes, data: bytes, **changes: bytes) -> bytes:
    """Return `header` with fields replaced, checksummed again, and the padded data."""
    block = bytearray(header)
    for field, value in changes.items():
        start, length = _AT[field]
        block[start : start + length] = value.ljust(length, b"\0")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + data + tar.padding(len(data))


def archive(files: Mapping[str, bytes], order: list[str] | None = None, top: str = TOP) -> bytes:
    """Return an archive of `files`, in the right order unless another one is given."""
    return b"".join(member(f"{top}/{path}", files[path]) for path in order or stored_order(files)) + tar.END


def listed(files: Files, **more: str) -> Files:
    """Return `files` with sizes in the manifest and SHA256SUMS made again."""
    files = dict(files)
    manifest = json.loads(files["manifest.json"])
    for path, role in more.items():
        manifest["files"][path] = {"role": role, "size": 0}
    manifest["files"] = {
        path: {"role": entry["role"], "size": len(files[path])}
        for path, entry in manifest["files"].items()
        if path in files
    }
    files["manifest.json"] = json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n"
    return summed(files)


def summed(files: Files) -> Files:
    """Return `files` with SHA256SUMS made again."""
    content = {
        path: data for path, data in files.items() if path != "SHA256SUMS" and not path.startswith("wheels/")
    }
    return {
        **files,
        "SHA256SUMS": serialise_checksums(
            {p: hashlib.sha256(data).hexdigest() for p, data in content.items()}
        ),
    }


def edited(files: Files, path: str, change: Callable[[dict[str, Any]], object]) -> Files:
    """Return `files` with one JSON document changed, and all lists made again."""
    document = json.loads(files[path])
    change(document)
    changed = {**files, path: json.dumps(document).encode() + b"\n"}
    return summed(changed) if path == "manifest.json" else listed(changed)


def replaced(files: Files, path: str, data: bytes) -> Files:
    """Return `files` with other bytes for one document, and all lists made again."""
    changed = {**files, path: data}
    return summed(changed) if path == "manifest.json" else listed(changed)


def cases(bundle: Assembled, wheel: bytes) -> list[Case]:
    """Return every case."""
    files = dict(bundle.contents)
    table: list[tuple[str, str, str, bytes]] = [
        *_ends(files),
        *_headers(files),
        *_names(files),
        *_lists(files),
        *_checksums(files),
        *_manifests(files),
        *_documents(files),
        *_hosts(files),
        *_extras(files),
    ]
    made = [Case(name, how, "format", word, data) for name, how, word, data in table]
    return made + _newer(files) + _accepted(files, wheel)


def _ends(files: Files) -> list[tuple[str, str, str, bytes]]:
    whole = archive(files)
    first = member(f"{TOP}/SHA256SUMS", files["SHA256SUMS"])
    hidden = bytearray(whole)
    hidden[len(first) - 1] = 1
    return [
        ("empty-file", "no bytes at all", "truncated", b""),
        ("nothing-stored", "only the two zero blocks", "SHA256SUMS", tar.END),
        ("cut-in-a-header", "ends inside a header", "truncated", whole[: len(first) + 100]),
        ("cut-in-a-file", "ends inside a file", "truncated", whole[: len(first) - 600]),
        ("cut-in-the-padding", "ends inside the padding of a file", "truncated", whole[: len(first) - 1]),
        ("cut-between-files", "ends after a whole member", "truncated", whole[: len(first)]),
        ("no-end", "the two zero blocks are missing", "truncated", whole[: -len(tar.END)]),
        ("half-an-end", "one zero block instead of two", "zero blocks", whole[: -tar.BLOCK]),
        (
            "end-in-the-middle",
            "two zero blocks, then more members",
            "zero blocks",
            first + tar.END + whole[len(first) :],
        ),
        ("byte-after-the-end", "one byte after the end", "zero blocks", whole + b"\0"),
        (
            "padded-to-a-record",
            "zeros up to 10,240 bytes, as tar writes them",
            "zero blocks",
            whole + bytes(-len(whole) % 10240),
        ),
        ("bytes-in-the-padding", "a byte that is not zero after a file", "hidden", bytes(hidden)),
        ("gzip", "the archive compressed", "header", gzip.compress(whole, mtime=0)),
    ]


def _headers(files: Files) -> list[tuple[str, str, str, bytes]]:
    first, *others = stored_order(files)
    rest = b"".join(member(f"{TOP}/{path}", files[path]) for path in others) + tar.END
    name, data = f"{TOP}/{first}", files[first]
    size = len(data)

    def changed(**changes: bytes) -> bytes:
        return member(name, data, **changes) + rest

    extra = tar.header(f"{TOP}/zz", 0)
    long_name = raw_member(tar.header("././@LongLink", 5), b"name\0", type=b"L")
    pax = raw_member(tar.header("PaxHeaders/x", 20), b"20 path=other-name1\n", type=b"x")
    pax_global = raw_member(tar.header("pax_global_header", 20), b"20 comment=nothing1\n", type=b"g")
    broken = bytearray(changed())
    broken[148:154] = b"000000"
    table = [
        ("old-type", "type NUL instead of 0", changed(type=b"\0")),
        ("contiguous-type", "type 7", changed(type=b"7")),
        ("executable", "mode 0755", changed(mode=b"0000755")),
        ("owned", "user id 1000", changed(uid=b"0001750")),
        ("user-name", "user name root", changed(user=b"root")),
        ("modified-today", "another time", changed(mtime=b"14700000000")),
        ("size-with-spaces", "size in octal with leading spaces", changed(size=b"%11o" % size)),
        ("size-ends-in-a-space", "size closed by a space, not NUL", changed(size=b"%011o " % size)),
        ("size-in-base-256", "size in GNU's binary form", changed(size=b"\x80" + size.to_bytes(11, "big"))),
        ("negative-size", "size with a sign", changed(size=b"-%010o" % size)),
        ("gnu-magic", "the magic of GNU tar", changed(magic=b"ustar  ")),
        ("v7", "no magic at all", changed(magic=b"")),
        ("wrong-header-checksum", "header checksum 0", bytes(broken)),
        (
            "prefix-without-need",
            "a short name split into prefix and name",
            changed(name=first.encode(), prefix=TOP.encode()),
        ),
        (
            "bytes-after-the-name",
            "bytes behind the NUL that ends the name",
            changed(name=name.encode() + b"\0x"),
        ),
        ("long-name", "a GNU long name before a member", long_name + changed()),
        ("pax", "a PAX header before a member", pax + changed()),
        ("pax-global", "a global PAX header first", pax_global + changed()),
    ]
    for word, kind in (("hard-link", b"1"), ("symbolic-link", b"2"), ("character-device", b"3"),
                       ("block-device", b"4"), ("folder-entry", b"5"), ("pipe", b"6")):  # fmt: skip
        odd = raw_member(extra, b"", type=kind, link=b"/etc/hostname" if kind in b"12" else b"")
        table.append(
            (word, f"a member of type {kind.decode()}", archive(files)[: -len(tar.END)] + odd + tar.END)
        )
    huge = raw_member(tar.header(f"{TOP}/zz", 0), b"", size=b"77777777777\0")
    huge_archive = archive(files)[: -len(tar.END)] + huge + tar.END
    found = [(case, how, "header", made) for case, how, made in table]
    return [*found, ("huge-size", "a member that claims 8 GiB", "truncated", huge_archive)]


def _names(files: Files) -> list[tuple[str, str, str, bytes]]:
    def plus(path: str, word: str, case: str, how: str) -> tuple[str, str, str, bytes]:
        """Add a member that the lists know as well, as far as they can."""
        return case, how, word, archive(_inserted(files, path))

    def bare(raw: bytes, word: str, case: str, how: str) -> tuple[str, str, str, bytes]:
        odd = raw_member(tar.header(f"{TOP}/zz", 1), b"x", name=raw)
        return case, how, word, archive(files)[: -len(tar.END)] + odd + tar.END

    top = TOP.encode()
    last = b"".join(member(f"{TOP}/{path}", files[path]) for path in stored_order(files))
    return [
        plus("../escape", "safe path", "parent-path", "a file ../escape"),
        plus("model/../escape", "safe path", "inner-parent-path", "a file model/../escape"),
        plus("./dot", "safe path", "dot-path", "a file ./dot"),
        plus("model//double", "safe path", "double-slash", "a file model//double"),
        plus("model/.hidden", "safe path", "hidden-file", "a file model/.hidden"),
        plus("model\\windows", "safe path", "backslash", "a file with a backslash"),
        plus("c:drive", "safe path", "drive-letter", "a file c:drive"),
        plus("model/con.txt", "safe path", "windows-device", "a file model/con.txt"),
        plus("model/ends.", "safe path", "trailing-dot", "a file name that ends in a dot"),
        plus("model/sp ace", "safe path", "space", "a file name with a space"),
        plus("model/\x1b[31m", "\\x1b[31m", "escape-sequence", "a file name that colours terminals"),
        plus("Model/other", "case", "folder-case", "folders Model and model"),
        plus("CONTRACT.json", "case", "file-case", "files CONTRACT.json and contract.json"),
        plus("Wheels/x", "case", "reserved-case", "a folder Wheels, which some file systems take for wheels"),
        plus("model/model.onnx/x", "both", "file-and-folder", "a file below another file"),
        plus("wheels", "both", "file-called-wheels", "a file with the name of a reserved folder"),
        bare(b"/etc/absolute", "top folder", "absolute-path", "a member /etc/absolute"),
        bare(b"other-1.0.0/x", "top folder", "two-top-folders", "a member in another top folder"),
        bare(b"alone", "top folder", "no-top-folder", "a member outside any folder"),
        bare(top + b"/a\0b", "header", "nul-in-a-name", "bytes after a NUL inside the name"),
        bare(top + b"/caf\xc3\xa9", "header", "not-ascii", "a name that is not ASCII"),
        ("stored-twice", "one file stored twice", "twice", last + member(f"{TOP}/README.md", files["README.md"]) + tar.END),
        ("wrong-top-folder", "all in other-1.0.0/", "top folder", archive(files, top="other-1.0.0")),
        ("wrong-order", "manifest.json stored last", "order",
         archive(files, [*(p for p in stored_order(files) if p != "manifest.json"), "manifest.json"])),
    ]  # fmt: skip


def _inserted(files: Files, path: str) -> Files:
    changed = {**files, path: b"x"}
    manifest = json.loads(files["manifest.json"])
    manifest["files"][path] = {"role": "environment", "size": 1}
    changed["manifest.json"] = json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n"
    return summed(changed)


def _lists(files: Files) -> list[tuple[str, str, str, bytes]]:
    path = "model/model.onnx"
    flipped = bytes([files[path][0] ^ 1]) + files[path][1:]
    swapped = {**files, "README.md": files["contract.json"], "contract.json": files["README.md"]}
    without = {name: data for name, data in files.items() if name != path}
    return [
        ("file-changed", "one bit of the model flipped", "contents changed", archive({**files, path: flipped})),
        ("file-grown", "a byte more than listed", "bytes by manifest.json", archive({**files, path: files[path] + b"x"})),
        ("file-emptied", "a file emptied", "bytes by manifest.json", archive({**files, path: b""})),
        ("file-missing", "the model left out", "missing", archive(without)),
        ("file-added", "a file that no list names", "not listed", archive({**files, "model/extra.bin": b"x"})),
        ("file-renamed", "the model under another name", "missing", archive({**without, "model/other.onnx": files[path]})),
        ("files-swapped", "contents of two files swapped", "README.md", archive(swapped)),
        ("file-not-described", "listed, but not in the manifest", "not described",
         archive(summed({**files, "model/extra.bin": b"x"}))),
        ("signature-listed", "SHA256SUMS lists model.sig", "must not be listed",
         archive(summed({**files, "model.sig": b"{}"}))),
    ]  # fmt: skip


def _checksums(files: Files) -> list[tuple[str, str, str, bytes]]:
    sums = files["SHA256SUMS"]
    lines = sums.splitlines(keepends=True)
    upper = sums[:64].upper() + sums[64:]
    table = [
        ("sums-missing", "no SHA256SUMS", "missing", None),
        ("sums-empty", "an empty SHA256SUMS", "does not end", b""),
        ("sums-without-final-lf", "the last line does not end", "does not end", sums[:-1]),
        ("sums-crlf", "lines end in CR LF", "SHA256SUMS line 1", sums.replace(b"\n", b"\r\n")),
        ("sums-upper-case", "one digest in upper case", "SHA256SUMS line 1", upper),
        (
            "sums-binary-mark",
            "`*path` as `sha256sum -b` writes",
            "SHA256SUMS line 1",
            sums.replace(b"  ", b" *", 1),
        ),
        ("sums-unsorted", "two lines swapped", "not sorted", b"".join([lines[1], lines[0], *lines[2:]])),
        ("sums-line-twice", "one line twice", "listed twice", b"".join([lines[0], *lines])),
        ("sums-empty-line", "an empty line at the end", "SHA256SUMS line", sums + b"\n"),
        (
            "sums-escaped",
            "a backslash before the digest, as for odd names",
            "SHA256SUMS line 1",
            b"\\" + sums,
        ),
        (
            "sums-not-ascii",
            "a path that is not ASCII",
            "not ASCII",
            sums.replace(b"README", "R\u00c9ADME".encode(), 1),
        ),
        (
            "sums-other-digest",
            "one digest is another",
            "contents changed",
            sums.replace(sums[:8], b"00000000", 1),
        ),
    ]
    found = []
    for name, how, word, data in table:
        changed = {**files, "SHA256SUMS": data or b""}
        if data is None:
            del changed["SHA256SUMS"]
        found.append((name, how, word, archive(changed)))
    return found


def _manifests(files: Files) -> list[tuple[str, str, str, bytes]]:
    path = "manifest.json"
    text = files[path]

    def changed(
        case: str, how: str, word: str, change: Callable[[dict[str, Any]], object]
    ) -> tuple[str, str, str, bytes]:
        return case, how, word, archive(edited(files, path, change))

    def raw(case: str, how: str, word: str, data: bytes) -> tuple[str, str, str, bytes]:
        return case, how, word, archive(replaced(files, path, data))

    deep = b'{"annotations": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    return [
        raw("json-key-twice", "a key twice in the manifest", "twice", text.replace(b'"name": "tiny"', b'"name": "tiny",\n "name": "tiny"')),
        raw("json-bom", "a byte order mark", "JSON", b"\xef\xbb\xbf" + text),
        raw("json-not-utf-8", "bytes that are not UTF-8", "UTF-8", text.replace(b"conformance", b"conf\xff")),
        raw("json-nan", "NaN as a number", "NaN", text.replace(b'"threads": 1', b'"threads": NaN')),
        raw("json-huge-integer", "an integer of 4,000 digits", "64 bits", text.replace(b'"threads": 1', b'"threads": ' + b"9" * 4000)),
        raw("json-overflow", "a number beyond a double", "double", text.replace(b'"threads": 1', b'"threads": 1e400')),
        raw("json-lone-surrogate", "half a character", "surrogate", text.replace(b"conformance", b"\\ud800")),
        raw("json-deep", "100,000 nested arrays", "nested", deep),
        raw("json-trailing-comma", "a trailing comma", "JSON", text.replace(b'"version": "1.0.0"', b'"version": "1.0.0",')),
        raw("json-two-documents", "two documents in one file", "JSON", text + text),
        raw("json-empty", "an empty manifest", "JSON", b""),
        raw("json-array", "an array instead of an object", "object", b"[]\n"),
        changed("unknown-field", "an unknown field in the same minor version", "unknown field", lambda d: d.update(colour="red")),
        changed("unknown-model-field", "an unknown field of the model", "unknown field", lambda d: d["model"].update(colour="red")),
        changed("format-version-odd", "format version 1", "MAJOR.MINOR", lambda d: d["format"].update(version="1")),
        changed("requires-twice", "a required feature twice", "requires", lambda d: d["format"].update(requires=["onnx", "onnx"])),
        changed("requires-nothing", "an onnx model that requires nothing", "requires", lambda d: d["format"].update(requires=[])),
        changed("requires-another-engine", "data that requires the engine of graphs", "data-only", lambda d: d["model"].update(format="data-only")),
        changed("requires-two-engines", "a graph that requires a second engine", "one of the features", lambda d: d["format"].update(requires=["onnx", "skops"]) or d["model"].update(format="data-only")),
        changed("code-without-engine", "code that requires no engine of code", "'code'", lambda d: d["model"].update(format="code")),
        changed("name-odd", "a name with a slash", "name", lambda d: d.update(name="a/b")),
        changed("version-odd", "a version that is none", "version", lambda d: d.update(version="latest")),
        changed("threads-fractional", "half a thread", "threads", lambda d: d["model"].update(threads=0.5)),
        changed("threads-true", "true for a number", "threads", lambda d: d["model"].update(threads=True)),
        changed("license-null", "null for an optional text", "license", lambda d: d.update(license=None)),
        changed("method-unknown-to-contract", "a method that the contract lacks", "methods", lambda d: d["model"].update(methods=["predict"])),
        changed("model-path-missing", "a model path that is no file", "model", lambda d: d["model"].update(path="model/none.onnx")),
        changed("model-path-outside", "a model path that is another part", "model", lambda d: d["model"].update(path="README.md")),
        changed("size-wrong", "a size that is not the file's", "bytes by manifest.json", lambda d: d["files"]["README.md"].update(size=1)),
        changed("role-unknown", "a role that does not exist", "role", lambda d: d["files"]["README.md"].update(role="virus")),
        changed("role-missing", "no file is the card", "card", lambda d: d["files"]["README.md"].update(role="environment")),
        changed("role-twice", "two files are the contract", "contract", lambda d: d["files"]["README.md"].update(role="contract")),
        changed("describes-itself", "the manifest describes itself", "no content", lambda d: d["files"].update({"manifest.json": {"role": "environment", "size": 1}})),
        changed("describes-more", "a file that SHA256SUMS does not list", "not listed in SHA256SUMS", lambda d: d["files"].update({"model/more": {"role": "model", "size": 1}})),
        changed("golden-origin-differs", "golden: sample, the rows say synthetic", "golden", lambda d: d.update(golden="sample")),
        changed("certificate-differs", "another certificate than was measured", "certificate", lambda d: d["model"].update(certificate="loose")),
    ]  # fmt: skip


def _documents(files: Files) -> list[tuple[str, str, str, bytes]]:
    def changed(
        case: str, how: str, word: str, path: str, change: Callable[[dict[str, Any]], object]
    ) -> tuple[str, str, str, bytes]:
        return case, how, word, archive(edited(files, path, change))

    contract, golden, parity = "contract.json", "evidence/golden.json", "evidence/parity.json"
    return [
        changed("contract-method-twice", "a method twice", "twice", contract, lambda d: d["outputs"].append(d["outputs"][0])),
        changed("contract-input-twice", "an input twice", "twice", contract, lambda d: d["inputs"].append(d["inputs"][0])),
        changed("contract-no-inputs", "no inputs", "input", contract, lambda d: d["inputs"].clear()),
        changed("contract-tensor-shared", "an output with the tensor of an input", "tensor", contract, lambda d: d["outputs"][0].update(tensor="age")),
        changed("contract-classes-short", "fewer classes than columns", "class", contract, lambda d: d["outputs"][1].update(classes=["no"])),
        changed("contract-profile-kind", "categories for a number", "categorical", contract, lambda d: d["inputs"][0].update(categorical=d["inputs"][1]["categorical"])),
        changed("contract-shares", "a share above 1", "share", contract, lambda d: d["inputs"][0]["numeric"].update(null_share=1.5)),
        changed("contract-null-text", "another word for null", "null_text", contract, lambda d: d.update(null_text="")),
        changed("contract-dtype", "an unknown type", "dtype", contract, lambda d: d["inputs"][0].update(dtype="float16")),
        changed("golden-row-missing", "a row less in one column", "rows", golden, lambda d: d["inputs"]["age"].pop()),
        changed("golden-no-rows", "no rows at all", "rows", golden, lambda d: d.update(rows=0)),
        changed("golden-column-missing", "an input without cells", "missing", golden, lambda d: d["inputs"].pop("age")),
        changed("golden-column-more", "cells for an unknown input", "not in the contract", golden, lambda d: d["inputs"].update(more=[1] * 5)),
        changed("golden-text-for-number", "a text in a numeric column", "age", golden, lambda d: d["inputs"].update(age=["x"] * 5)),
        changed("golden-label-unknown", "a label that is no class", "label", golden, lambda d: d["outputs"].update(predict=["maybe"] * 5)),
        changed("golden-columns-short", "one probability instead of two", "cells", golden, lambda d: d["outputs"].update(predict_proba=[[1.0]] * 5)),
        changed("parity-method-missing", "a method that was not measured", "methods", parity, lambda d: d["methods"].pop()),
        changed("parity-certificate-better", "a certificate better than the weakest method", "certificate", parity, lambda d: d["methods"][0].update(certificate="loose")),
        changed("parity-threads-differ", "another number of threads", "threads", parity, lambda d: d.update(threads=2)),
        changed("bom-of-another-kind", "a bill of materials that is none", "bomFormat", "sbom/bom.cdx.json", lambda d: d.update(bomFormat="SPDX")),
        ("lock-not-toml", "a lock that is not TOML", "TOML", archive(replaced(files, "environment/pylock.toml", b"="))),
    ]  # fmt: skip


def _program() -> dict[str, Any]:
    """Return host steps that count words in the second input."""
    parameters = {
        "analyzer": "word", "prepare": [["lower"]], "accents": "keep", "ngrams": [1, 2], "stop_words": [],
        "pattern": "\\w+", "vocabulary": ["oslo", "rome"], "binary": False, "kind": "float64",
    }  # fmt: skip
    return {
        "version": "1.0",
        "steps": [{"name": "words", "operation": "count-terms", "of": ["city"], "parameters": parameters}],
        "feeds": [{"tensor": "words.dense", "value": "words", "form": "dense", "kind": "float64"}],
    }


def _hosted(files: Files, program: object) -> Files:
    """Return `files` with host steps, which the manifest requires."""
    more = {**files, "model/host.json": json.dumps(program).encode() + b"\n"}
    more = listed(more, **{"model/host.json": "model"})
    return edited(more, "manifest.json", lambda d: d["format"].update(requires=["host-steps", "onnx"]))


def _hosts(files: Files) -> list[tuple[str, str, str, bytes]]:
    def changed(
        case: str, how: str, word: str, change: Callable[[dict[str, Any]], object]
    ) -> tuple[str, str, str, bytes]:
        program = _program()
        change(program)
        return case, how, word, archive(_hosted(files, program))

    def words(case: str, how: str, word: str, **changes: object) -> tuple[str, str, str, bytes]:
        return changed(case, how, word, lambda d: d["steps"][0]["parameters"].update(changes))

    unasked = edited(
        _hosted(files, _program()), "manifest.json", lambda d: d["format"].update(requires=["onnx"])
    )
    absent = edited(files, "manifest.json", lambda d: d["format"].update(requires=["host-steps", "onnx"]))
    return [
        words("host-pattern-broken", "a pattern that is none", "regular expression", pattern="(a"),
        words("host-pattern-groups", "a pattern with two groups", "one group", pattern="(a)(b)"),
        words("host-pattern-long", "a pattern of 5,000 characters", "1000 characters", pattern="a?" * 2500),
        words("host-ngrams-huge", "runs of a million words", "ngrams", ngrams=[1, 1_000_000]),
        words("host-ngrams-reversed", "runs of two to one words", "ngrams", ngrams=[2, 1]),
        words("host-vocabulary-twice", "a term twice", "twice", vocabulary=["rome", "rome"]),
        words("host-method-unknown", "a method of texts that is not on the list", "unknown method", prepare=[["__class__"]]),
        words("host-parameter-unknown", "a parameter that the operation lacks", "unknown field", code="import os"),
        changed("host-operation-unknown", "an operation that is not on the list", "operation", lambda d: d["steps"][0].update(operation="run-code")),
        changed("host-input-unknown", "a step that reads what nothing gives", "nothing before it", lambda d: d["steps"][0].update(of=["street"])),
        changed("host-input-number", "a step that reads texts of a number", "takes text", lambda d: d["steps"][0].update(of=["age"])),
        changed("host-feed-unknown", "a feed of a step that is not there", "no step", lambda d: d["feeds"][0].update(value="none")),
        changed("host-no-steps", "no steps", "steps", lambda d: d["steps"].clear()),
        ("host-unasked", "host steps that the manifest does not require", "not required", archive(unasked)),
        ("host-absent", "required host steps that are not there", "missing", archive(absent)),
    ]  # fmt: skip


def _extras(files: Files) -> list[tuple[str, str, str, bytes]]:
    named = f"attestations/{hashlib.sha256(b'{}').hexdigest()}.sigstore.json"
    return [
        ("attestation-name", "an attestation with a free name", "attestations", archive({**files, "attestations/a.json": b"{}"})),
        ("attestation-changed", "an attestation with other bytes than its name says", "digest", archive({**files, named: b"{ }"})),
        ("attestation-not-json", "an attestation that is not JSON", "JSON",
         archive({**files, f"attestations/{hashlib.sha256(b'x').hexdigest()}.sigstore.json": b"x"})),
        ("wheel-not-locked", "a wheel that the lock does not name", "lock", archive({**files, "wheels/evil-1.0-py3-none-any.whl": b"x"})),
        ("wheel-changed", "a wheel with other bytes than the lock says", "lock", archive({**files, WHEEL_PATH: b"x"})),
    ]  # fmt: skip


def _newer(files: Files) -> list[Case]:
    def changed(
        name: str, how: str, word: str, path: str, change: Callable[[dict[str, Any]], object]
    ) -> Case:
        return Case(name, how, "unsupported-version", word, archive(edited(files, path, change)))

    return [
        changed("newer-major", "format version 2.0", "2.0", "manifest.json", lambda d: d["format"].update(version="2.0")),
        changed("newer-feature", "requires a feature of the future", "telepathy", "manifest.json",
                lambda d: d["format"].update(requires=["onnx", "telepathy"])),
        changed("newer-contract", "contract version 2.0", "2.0", "contract.json", lambda d: d.update(version="2.0")),
        Case("newer-host", "host steps of version 2.0", "unsupported-version", "2.0",
             archive(_hosted(files, {**_program(), "version": "2.0"}))),
        changed("newer-golden", "golden version 2.0", "2.0", "evidence/golden.json", lambda d: d.update(version="2.0")),
        changed("newer-parity", "parity version 2.0", "2.0", "evidence/parity.json", lambda d: d.update(version="2.0")),
    ]  # fmt: skip


def _accepted(files: Files, wheel: bytes) -> list[Case]:
    attestation = f"attestations/{hashlib.sha256(b'{}').hexdigest()}.sigstore.json"

    def newer(document: dict[str, Any]) -> None:
        document["format"].update(version="1.7", colour="red")
        document["model"].update(colour="red")
        document.update(colour="red")

    table = [
        ("accepted-golden", "the golden bundle itself", archive(files)),
        ("accepted-newer-minor", "unknown fields in a newer minor version", archive(edited(files, "manifest.json", newer))),
        ("accepted-host-steps", "host steps", archive(_hosted(files, _program()))),
        ("accepted-annotation", "any text under annotations", archive(edited(files, "manifest.json", lambda d: d["annotations"].update(x="\u00e9")))),
        ("accepted-wheel", "a wheel that the lock names", archive({**files, WHEEL_PATH: wheel})),
        ("accepted-attestation", "an attestation named by its digest", archive({**files, attestation: b"{}"})),
        ("accepted-signature", "a signature, which this check does not judge", archive({**files, "model.sig": b"{}"})),
    ]  # fmt: skip
    return [Case(name, how, "accepted", "", data) for name, how, data in table]
