"""The OpenAPI document of a served model, made from its contract. Source: OpenAPI Specification 3.1."""

from __future__ import annotations

from typing import Any

from mlpack.format.contract import CategoricalProfile, Input, NumericProfile, Output
from mlpack.runtime.server.served import Served

__all__ = ["openapi_document"]

_TYPES = {"string": "string", "datetime": "string", "bool": "boolean"}


def openapi_document(served: Served) -> dict[str, Any]:
    """Return the document: the paths that a person's script uses, with types and examples."""
    version = served.version
    model = f"/v2/models/{served.name}"
    tabular = served.contract.layout != "tensors"
    paths: dict[str, Any] = {
        "/v2/health/live": _get("Whether the process answers"),
        "/v2/health/ready": _get("Whether requests are answered"),
        model: _get("Describe the model"),
        f"{model}/infer": _post("Open Inference Protocol", {"type": "object", "required": ["inputs"]}),
    }
    if tabular:
        rows = {"type": "array", "items": {"$ref": "#/components/schemas/Row"}}
        asked = {
            "type": "object",
            "required": ["rows"],
            "properties": {
                "rows": rows,
                "methods": {
                    "type": "array",
                    "items": {"enum": [output.key for output in served.contract.outputs]},
                },
            },
        }
        answer = {
            "type": "object",
            "properties": {
                "rows": {"type": "array", "items": {"$ref": "#/components/schemas/Answer"}},
            },
        }
        paths["/predict"] = _post("Predict rows", asked, answer)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": served.name,
            "version": version,
            "description": f"Bundle {served.digest}, signed by {served.signer}.",
        },
        "paths": paths,
        "components": {
            "schemas": {
                "Row": _row(served) if tabular else {"type": "object"},
                "Answer": {
                    "type": "object",
                    "properties": {output.key: _answer(output) for output in served.contract.outputs},
                },
                "Error": {
                    "type": "object",
                    "required": ["error"],
                    "properties": {"error": {"type": "string"}},
                },
            }
        },
    }


def _row(served: Served) -> dict[str, Any]:
    inputs = served.contract.inputs
    return {
        "type": "object",
        "required": [item.name for item in inputs],
        "properties": {item.name: _cell(item) for item in inputs},
    }


def _cell(item: Input) -> dict[str, Any]:
    kind = _TYPES.get(item.dtype, "integer" if "int" in item.dtype else "number")
    schema: dict[str, Any] = {"type": [kind, "null"] if item.nulls else kind}
    match item.profile:
        case NumericProfile(minimum=low, maximum=high):
            schema["description"] = f"In training {low:.6g} to {high:.6g}."
        case CategoricalProfile(categories=categories) if item.dtype == "string":
            if item.unknown:
                schema["examples"] = list(categories[:10])
            else:
                schema["enum"] = [*categories, *([None] if item.nulls else [])]
        case _:
            pass
    return schema


def _answer(output: Output) -> dict[str, Any]:
    if output.classes is not None and output.method == "predict":
        return {"enum": list(output.classes)}
    if output.width is not None and output.classes:
        return {"type": "object", "properties": {str(label): {"type": "number"} for label in output.classes}}
    return {}


def _get(summary: str) -> dict[str, Any]:
    return {"get": {"summary": summary, "responses": {"200": {"description": "The answer"}}}}


def _post(summary: str, body: dict[str, Any], answer: dict[str, Any] | None = None) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        "post": {
            "summary": summary,
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": {
                "200": {
                    "description": "The answers",
                    "content": {"application/json": {"schema": answer or {"type": "object"}}},
                },
                "400": {"description": "The rows break the contract", "content": error},
                "503": {"description": "Too many requests wait, or the model is not ready", "content": error},
            },
        }
    }
