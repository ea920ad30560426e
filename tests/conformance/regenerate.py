"""Make the golden bundle and the hostile ones again: `python tests/conformance/regenerate.py`.

The bytes that are checked in must not change: a test compares them with what this script makes. A new version
of the format gets a folder of its own beside `golden/1.0`, which stays.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import runpy
import shutil
from pathlib import Path
from typing import Any

from mlpack.format.contract import CategoricalProfile, Contract, Input, NumericProfile, Output
from mlpack.format.documents import canonical_json
from mlpack.format.evidence import Golden, MethodParity, Parity, ProbeResult
from mlpack.format.lock import Lock, LockedFile, LockedPackage
from mlpack.format.manifest import Manifest, ModelInfo, Role
from mlpack.format.writer import Assembled, assemble, write_bundle

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "1.0"
HOSTILE = HERE / "hostile"

WHEEL = b"these bytes stand for a wheel\n"
"""What a bundle may carry under `wheels/numpy-2.4.0-py3-none-any.whl`: the lock names its digest."""


def model() -> bytes:
    """Return a graph that answers `yes` above 40 years or in Rome."""
    import onnx
    from onnx import TensorProto, helper

    def tensor(name: str, kind: int, *shape: str | int) -> Any:  # noqa: ANN401  (onnx has no types)
        return helper.make_tensor_value_info(name, kind, list(shape))

    double, string, integer = TensorProto.DOUBLE, TensorProto.STRING, TensorProto.INT64
    nodes = [
        helper.make_node("Greater", ["age", "forty"], ["old"]),
        helper.make_node("Equal", ["city", "rome"], ["roman"]),
        helper.make_node("Or", ["old", "roman"], ["yes"]),
        helper.make_node("Cast", ["yes"], ["p_yes"], to=double),
        helper.make_node("Sub", ["one", "p_yes"], ["p_no"]),
        helper.make_node("Concat", ["p_no", "p_yes"], ["probabilities"], axis=1),
        helper.make_node("Cast", ["yes"], ["index"], to=integer),
        helper.make_node("Squeeze", ["index", "axis"], ["label"]),
    ]
    rome = onnx.TensorProto(name="rome", data_type=string, dims=[1, 1], string_data=[b"Rome"])
    graph = helper.make_graph(
        nodes,
        "tiny",
        [tensor("age", double, "N", 1), tensor("city", string, "N", 1)],
        [tensor("label", integer, "N"), tensor("probabilities", double, "N", 2)],
        initializer=[
            helper.make_tensor("forty", double, [1, 1], [40.0]),
            rome,
            helper.make_tensor("one", double, [1, 1], [1.0]),
            helper.make_tensor("axis", integer, [1], [1]),
        ],
    )
    opsets = [helper.make_opsetid("", 21)]
    proto = helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="mlpack")
    return bytes(proto.SerializeToString(deterministic=True))


def contract() -> Contract:
    """Return the interface of that graph."""
    age = NumericProfile(
        minimum=18.0, maximum=90.0, edges=(18.0, 40.0, 90.0), shares=(0.25, 0.75), null_share=0.1
    )
    city = CategoricalProfile(categories=("Oslo", "Rome"), shares=(0.5, 0.5), other_share=0.0, null_share=0.0)
    answers = ("no", "yes")
    return Contract(
        layout="frame",
        inputs=(
            Input(name="age", tensor="age", dtype="float64", source="float64", nulls=True, profile=age),
            Input(name="city", tensor="city", dtype="string", source="object", nulls=True, profile=city),
        ),
        outputs=(
            Output(method="predict", tensor="label", dtype="<U3", shape=(None,), classes=answers),
            Output(
                method="predict_proba",
                tensor="probabilities",
                dtype="float64",
                shape=(None, 2),
                classes=answers,
            ),
        ),
    )


def golden() -> Golden:
    """Return rows whose answers anyone can work out."""
    yes = [False, True, True, False, True]
    age: list[float | str] = [30.0, 40.0, 41.5, "NaN", 1.7976931348623157e308]
    city: list[str | None] = ["Oslo", "Rome", "Oslo", None, "\u00c5land"]
    return Golden(
        origin="synthetic",
        rows=5,
        inputs={
            "age": age,
            "city": city,
        },
        outputs={
            "predict": ["yes" if answer else "no" for answer in yes],
            "predict_proba": [[0.0, 1.0] if answer else [1.0, 0.0] for answer in yes],
        },
    )


def parity() -> Parity:
    """Return an agreement that was not measured: there is no original."""
    methods = ("predict", "predict_proba")
    return Parity(
        rung="by-hand",
        certificate="exact",
        threads=1,
        methods=tuple(
            MethodParity(method=method, certificate="exact", worst=0.0, spread=1.0, labels_differ=0, ties=0)
            for method in methods
        ),
        probes=(ProbeResult(name="example", rows=5, outcome="agree", worst=0.0),),
        rejected=(("emitters-float64", "there is no original"),),
    )


def lock() -> Lock:
    """Return a lock of one wheel, which is `WHEEL`."""
    wheel = LockedFile(
        name="numpy-2.4.0-py3-none-any.whl", sha256=hashlib.sha256(WHEEL).hexdigest(), size=len(WHEEL)
    )
    return Lock(
        requires_python=">=3.11,<3.15",
        environments=("platform_machine == 'x86_64' and sys_platform == 'linux'",),
        packages=(LockedPackage(name="numpy", version="2.4.0", marker=None, files=(wheel,)),),
    )


def bundle() -> Assembled:
    """Return the golden bundle in memory."""
    draft = Manifest(
        name="tiny",
        version="1.0.0",
        model=ModelInfo(
            path="model/model.onnx",
            format="onnx",
            original="by.hand.Rule",
            framework=("by-hand", "1"),
            task="classification",
            methods=("predict", "predict_proba"),
            certificate="exact",
            threads=1,
        ),
        files={},
        requires=("onnx",),
        runtime={"onnxruntime": ">=1.22"},
        golden="synthetic",
        license="Apache-2.0",
        annotations={"purpose": "conformance"},
    )
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": []}
    parts: dict[str, tuple[Role, bytes]] = {
        "model/model.onnx": ("model", model()),
        "contract.json": ("contract", contract().to_bytes()),
        "README.md": ("card", b"# tiny 1.0.0\n\nAnswers yes above 40 years or in Rome.\n"),
        # The paths of the first writers, which are read for ever.
        "environment/pylock.toml": ("lock", lock().to_bytes().replace(b"../wheels/", b"wheels/")),
        "environment/training.json": ("environment", canonical_json({"python": "3.11.0"})),
        "evidence/golden.json": ("golden", golden().to_bytes()),
        "evidence/parity.json": ("parity", parity().to_bytes()),
        "sbom/bom.cdx.json": ("bom", canonical_json(bom)),
    }
    return assemble(draft, parts)


def expected(made: Assembled) -> dict[str, Any]:
    """Return what any reader must find in the golden bundle."""
    return {
        "directory": made.manifest.folder,
        "archive": f"{made.manifest.folder}.mlpack",
        "digest": made.digest,
        "name": made.manifest.name,
        "version": made.manifest.version,
        "files": {
            path: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            for path, data in sorted(made.contents.items())
        },
        "inputs": [item.name for item in contract().inputs],
        "methods": list(made.manifest.model.methods),
    }


def main() -> None:
    """Write everything that is checked in."""
    made = bundle()
    for place in GOLDEN.glob("tiny-*"):  # the policy beside them is written by hand
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    folder = made.manifest.folder
    write_bundle(made, GOLDEN / folder, layout="directory", overwrite=False)
    write_bundle(made, GOLDEN / f"{folder}.mlpack", layout="archive", overwrite=False)
    text = json.dumps(expected(made), indent=2, sort_keys=True)
    (GOLDEN / "expected.json").write_text(text + "\n", encoding="ascii")
    shutil.rmtree(HOSTILE, ignore_errors=True)
    HOSTILE.mkdir()
    verdicts = []
    for case in runpy.run_path(str(HERE / "hostile.py"))["cases"](made, WHEEL):
        (HOSTILE / f"{case.name}.mlpack.gz").write_bytes(gzip.compress(case.data, mtime=0))
        verdicts.append(case.verdict())
    (HOSTILE / "hostile.json").write_text(json.dumps(verdicts, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
