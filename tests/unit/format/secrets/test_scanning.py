"""Secrets in files of every kind, and files that hold none."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import random
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from mlpack.format.secrets.containers import MAX_DEPTH
from mlpack.format.secrets.known import KnownValues, known_here
from mlpack.format.secrets.scanning import find_in_chunks, find_secrets

NOTHING = KnownValues()
# Put together here, so that no scanner of this repository takes them for real ones.
AWS = "AKIA" + "Z7QHT2MNBVCXLKJ4"
GITHUB = "ghp" + "_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
PEM = "-----BEGIN RSA PRIVATE " + "KEY-----\nMIIEow=="
JWT = "eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0" + ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
URL = "postgresql://scoring:" + "h7Kq2p9Z" + "@db.corp.example:5432/churn"
HUGGING_FACE = "hf" + "_" + "QwErTyUiOpAsDfGhJkLzXcVbNmQwErTyUi"


def zipped(name: str, data: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def tarred(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def onnx_model(text: str) -> bytes:
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    out = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    weights = onnx.numpy_helper.from_array(np.random.default_rng(1).normal(size=5000), "w")
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", [value], [out], [weights]))
    onnx.helper.set_model_props(model, {"source": text})
    content: bytes = model.SerializeToString()
    return content


def npz(texts: list[str]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, classes=np.array(texts), weights=np.zeros(100))
    return buffer.getvalue()


def test_six_secrets_in_six_kinds_of_file() -> None:
    notebook = b'{"cells": [{"source": ["os.environ[\\"K\\"] = \\"' + AWS.encode() + b'\\"\\n"]}]}'
    planted = {
        "code/prepare.py": (f'token = "{GITHUB}"\n'.encode(), "github-token"),
        "model/notebook.json": (notebook, "aws-access-key"),
        "model/model.pkl": (pickle.dumps({"coef": np.ones(50), "url": URL}, protocol=5), "url-credentials"),
        "model/extra.zip": (zipped("deploy/id_rsa", PEM.encode()), "private-key"),
        "model/model.onnx": (onnx_model(JWT), "json-web-token"),
        "model/arrays.npz": (npz(["no", HUGGING_FACE]), "hugging-face-token"),
    }
    for path, (data, detector) in planted.items():
        (finding,) = find_secrets(path, data, NOTHING)
        assert finding.detector == detector
        assert finding.path.partition("!")[0] == path


@pytest.mark.parametrize(
    "wrap",
    [
        gzip.compress,
        bz2.compress,
        lzma.compress,
        zlib.compress,
        lambda data: gzip.compress(data) + gzip.compress(b"more"),
        lambda data: tarred("a/b.txt", data),
        lambda data: gzip.compress(tarred("a/b.txt", data)),
        lambda data: zipped("inner.npz", zipped("x.npy", data)),
        lambda data: zipped("inner.gz", gzip.compress(data), zipfile.ZIP_STORED),
    ],
)
def test_inside_archives(wrap: Callable[[bytes], bytes]) -> None:
    data = wrap(b"key: " + AWS.encode() + b"\n")
    assert {item.detector for item in find_secrets("f", data, NOTHING)} == {"aws-access-key"}


def test_a_secret_as_the_name_of_a_member() -> None:
    (finding,) = find_secrets("f.zip", zipped(f"{AWS}.txt", b"harmless"), NOTHING)
    assert finding.detector == "aws-access-key"


def test_what_cannot_be_opened_is_a_finding() -> None:
    broken = gzip.compress(random.Random(0).randbytes(5000))[:-40]  # noqa: S311
    assert [item.detector for item in find_secrets("f.gz", broken, NOTHING)] == ["unreadable-archive"]


def test_too_many_archives_in_one_another_are_a_finding() -> None:
    data = b"harmless"
    for _ in range(MAX_DEPTH + 2):
        data = gzip.compress(data)
    assert [item.detector for item in find_secrets("f.gz", data, NOTHING)] == ["unreadable-archive"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-32-le", "utf-32-be"])
def test_wide_characters(encoding: str) -> None:
    data = b"\x93NUMPY" + f"   {AWS}   ".encode(encoding)
    (finding,) = find_secrets("f.npy", data, NOTHING)
    assert (finding.detector, finding.place) == ("aws-access-key", "wide or escaped characters")


@pytest.mark.parametrize("text", [URL.replace("/", "\\/"), URL.replace(":", "\\:").replace("@", "\\@")])
def test_escaped_punctuation(text: str) -> None:
    assert [item.detector for item in find_secrets("README.md", text.encode(), NOTHING)] == [
        "url-credentials"
    ]


@pytest.mark.parametrize("at", [0, 8 * 2**20 - 10, 8 * 2**20 - 16 * 1024 + 3, 17 * 2**20])
def test_anywhere_in_a_large_file(at: int) -> None:
    weights = np.random.default_rng(3).normal(size=18 * 2**17).tobytes()
    data = weights[:at] + b"\0" + AWS.encode() + b"\0" + weights[at:]
    whole = find_secrets("f", data, NOTHING)
    chunks = find_in_chunks("f", (data[i : i + 1_000_003] for i in range(0, len(data), 1_000_003)), NOTHING)
    assert [item.detector for item in whole] == [item.detector for item in chunks] == ["aws-access-key"]


SECRETS = [
    PEM,
    "-----BEGIN OPENSSH PRIVATE " + "KEY-----\\nb3Bl",
    AWS,
    GITHUB,
    "github_pat" + "_" + "11ABCDEFG0abcdefghijkl_abcdefghijklmnopqrstuvwxyz",
    "glpat" + "-" + "abcDEF123456ghijKLmn",
    "xoxb" + "-123456789012-123456789012-AbCdEfGhIjKlMnOpQrStUvWx",
    "https://hooks.slack.com/" + "services/T00000000/B00000000/abcdefghijklmnopqrstuvwx",
    "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    HUGGING_FACE,
    "sk" + "-proj-abcdEFGH1234ijklMNOP5678qrstUVWX",
    "pypi" + "-AgEIcHlwaS5vcmcCJDAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMAACKlsz",
    "sk" + "_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "dapi" + "0123456789abcdef0123456789abcdef",
    "DefaultEndpointsProtocol=https;AccountKey=" + "Ab1/" * 21 + "Zg==",
    JWT,
    URL,
    "https://" + "f3a9c0d17be24f6c8a5b" + "@index.corp.example/simple",
    "https://store.example/x?X-Amz-" + "Signature=0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "https://api.example/v1?access_" + "token=0a1b2c3d4e5f6071",
    "db_pass" + 'word = "tr0ub4dor&3x"',
    '{"api_' + 'key": "9f86d081884c7d65"}',
    "os.environ['AWS_SECRET_ACCESS_" + "KEY'] = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCY'",
    "open('/home/alice/churn/data.csv')",
    "file:///Users/Alice/data.csv",
    r"C:\Users\Alice\data.csv",
    "C:\\\\Users\\\\Alice\\\\data.csv",
    "/root/.ssh/config",
]


@pytest.mark.parametrize("text", SECRETS)
def test_every_detector(text: str) -> None:
    assert find_secrets("f.txt", f"x = {text} ;\n".encode(), NOTHING)


HARMLESS = [
    "postgresql://user:password@localhost/db",
    "postgresql://${USER}:${PASSWORD}@host/db",
    "postgresql://<user>:<password>@host/db",
    "https://user:***@host/simple",
    "git+ssh://git@host/repo.git@main",
    "https://example.com/path:80/@scope/package",
    "pkg:npm/%40angular/core@1.0",
    'password = "changeme"',
    'password = os.environ["DB_PASSWORD"]',
    "password = getpass.getpass()",
    'parser.add_argument("--password", help="the password of the key")',
    '{"unk_token": "[UNK]", "pad_token": "<pad>", "bos_token": "<|begin_of_text|>"}',
    "?signature=def method(self, *arguments)",
    "-----BEGIN PUBLIC " + "KEY-----\nMIIEow==",
    "-----BEGIN CERTIFICATE-----",
    "sk-learn-contrib and scikit-learn-extra and sk-something-long-without-any-digit-in-it",
    "/home/",
    "https://example.com/home/alice/index.html",
    "/model/root/layer_1/MatMul",
    "a" * 64 + "  model/model.onnx",
    "eyJwYXlsb2FkIjoiZXlKZmRIbHdaU0k2SW1oMGRIQnpPaTh2YVc0dGRHOTBiIn0=",
    "AKIAEXAMPLE",
    "tokenizer=basic&max_features=20000",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_no_false_alarm(text: str) -> None:
    assert find_secrets("f.txt", f"{text}\n".encode(), NOTHING) == []


def test_random_bytes_hold_nothing() -> None:
    assert find_secrets("f", random.Random(0).randbytes(20_000_000), NOTHING) == []  # noqa: S311


@pytest.mark.parametrize("length", range(20, 120, 7))
def test_a_length_before_a_text_does_not_hide_it(length: int) -> None:
    data = pickle.dumps([(AWS + " " + "x" * 120)[:length], "/home/alice/data.csv" + "x" * length], protocol=4)
    assert [item.detector for item in find_secrets("f", data, NOTHING)] == ["aws-access-key", "machine-path"]


def test_the_place_is_a_line_in_a_text_and_a_byte_elsewhere() -> None:
    assert find_secrets("f", f"a\nb\n{AWS}".encode(), NOTHING)[0].place == "line 3"
    assert find_secrets("f", b"\0\1\2" + AWS.encode(), NOTHING)[0].place == "byte 3"


def test_a_finding_never_quotes_what_was_found() -> None:
    assert AWS not in repr(find_secrets("f", AWS.encode(), NOTHING))


# ------------------------------------------------------------------------------------------- known values

ENVIRONMENT = {
    "DB_PASSWORD": "p&ss w\u00f6rd 1",
    "WANDB_API_KEY": "0123456789abcdef0123456789abcdef01234567",
    "AWS_SESSION_TOKEN": "/var/run/secrets/token",
    "APP_SECRET": "production",
    "SHORT_TOKEN": "abc1",
    "PWD": "/somewhere/else-entirely",
    "KEYBOARD": "qwertz-layout-2",
}


@pytest.mark.parametrize(
    "text",
    [
        "p&ss w\u00f6rd 1",
        '"p&ss w\\u00f6rd 1"',
        "p%26ss%20w%C3%B6rd%201",
        "x0123456789abcdef0123456789abcdef01234567x",
    ],
)
def test_values_of_the_environment_in_every_spelling(text: str) -> None:
    findings = find_secrets("f", text.encode(), known_here(ENVIRONMENT))
    assert [item.detector for item in findings] == ["environment-value"]
    assert "the value of" in findings[0].place


def test_only_names_that_speak_of_secrets_and_values_that_are_none_of_the_everyday_count() -> None:
    assert set(known_here(ENVIRONMENT).secrets.values()) == {"DB_PASSWORD", "WANDB_API_KEY"}


def test_values_in_weights_and_wide_texts() -> None:
    value = ENVIRONMENT["WANDB_API_KEY"]
    known = known_here(ENVIRONMENT)
    assert find_secrets("f", b"\xff\0\1" + value.encode() + b"\0", known)
    assert find_secrets("f", value.encode("utf-32-le"), known)


def test_the_working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "churn"
    folder.mkdir()
    monkeypatch.chdir(folder)
    known = known_here({})
    assert [item.detector for item in find_secrets("f", f"'{folder}/x.py'".encode(), known)] == [
        "machine-path"
    ]
    assert find_secrets("f", f"'{folder}-two/x.py'".encode(), known) == []
