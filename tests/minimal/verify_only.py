"""Verify every golden bundle where nothing but the verifier's own libraries is installed (nox -s minimal).

A plain program: pytest itself would bring more than a deploy gate has.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

PACKING = (
    "cyclonedx",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "polars",
    "scipy",
    "skl2onnx",
    "sklearn",
    "tomli_w",
    "uv",
)
GOLDEN = Path(__file__).parents[1] / "conformance"


def main() -> int:
    """Return 0 when each golden bundle verifies under the policy beside it."""
    present = [name for name in PACKING if find_spec(name) is not None]
    if present:
        print(f"not minimal: {', '.join(present)} can be imported")
        return 1
    import mlpack_sdk

    bundles = [path for path in sorted(GOLDEN.rglob("*.mlpack")) if (path.parent / "policy.yaml").is_file()]
    if not bundles:
        print(f"no bundle with a policy.yaml beside it under {GOLDEN}")
        return 1
    statuses = [
        mlpack_sdk.main(["verify", str(path), "--policy", str(path.parent / "policy.yaml")])
        for path in bundles
    ]
    print(f"{statuses.count(0)} of {len(bundles)} golden bundles verified without a packing library")
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main())
