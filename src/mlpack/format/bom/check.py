"""What a BOM has to fulfil before it is written: the published schema, and what the schema cannot say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from mlpack.errors import PackError
from mlpack.format.bom.schemas import SPEC_VERSIONS, schema_validator
from mlpack.format.bom.spdx import spdx_expression

__all__ = ["check_bom"]


def check_bom(document: dict[str, Any]) -> None:
    """Refuse a BOM that another tool would misread.

    Raises:
        PackError: It breaks its schema, or references, package URLs or licences do not hold.
    """
    problems = [*_schema_problems(document), *reference_problems(document)]
    if problems:
        raise PackError(
            "the BOM is not valid CycloneDX",
            where="sbom/bom.cdx.json",
            problems=tuple(problems[:20]),
            code="bom",
            hint="a name, a licence or a data set of this bundle is most likely malformed",
        )


def _schema_problems(document: dict[str, Any]) -> Iterator[str]:
    version = document.get("specVersion")
    if version not in SPEC_VERSIONS:
        yield f"specVersion: expected one of {', '.join(SPEC_VERSIONS)}"
        return
    for error in schema_validator(version).iter_errors(document):
        place = ".".join(str(step) for step in error.instance_path)
        yield f"{place or 'document'}: {error.message[:200]}"


def reference_problems(document: dict[str, Any]) -> list[str]:
    """Return what the schema lets pass: references, package URLs, licences, a card on the wrong component.

    Args:
        document: A BOM that fulfils the schema, or nearly so.
    """
    main = document.get("metadata", {}).get("component", {})
    components = list(_components([main, *document.get("components", [])]))
    counts = Counter(str(component.get("bom-ref", "")) for component in components)
    formulas = list(_formulas(document))
    problems = [
        f"bom-ref {ref!r} stands in formulation and elsewhere" for ref in _made(formulas) if ref in counts
    ]
    problems += _formula_problems(formulas, {*counts, *_made(formulas)})
    problems += [
        f"bom-ref {ref!r} is used {count} times" for ref, count in sorted(counts.items()) if count > 1
    ]
    problems += _dependency_problems(document, set(counts))
    card = main.get("modelCard", {}).get("modelParameters", {})
    for entry in card.get("datasets", []):
        if "ref" in entry and entry["ref"] not in counts:
            problems.append(f"data set {entry['ref']!r} is not a component")
    for composition in document.get("compositions", []):
        problems += [
            f"composition names {ref!r}, which is not a component"
            for ref in (*composition.get("assemblies", []), *composition.get("dependencies", []))
            if ref not in counts
        ]
    for component in components:
        problems += _component_problems(component)
    return problems


def _components(listed: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for component in listed:
        yield component
        yield from _components(component.get("components", []))


def _formulas(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield formulas, their components and their workflows."""
    for formula in document.get("formulation", []):
        yield formula
        yield from _components(formula.get("components", []))
        yield from formula.get("workflows", [])


def _made(formulas: list[dict[str, Any]]) -> list[str]:
    return [str(item["bom-ref"]) for item in formulas if "bom-ref" in item]


def _formula_problems(formulas: list[dict[str, Any]], known: set[str]) -> Iterator[str]:
    made = Counter(_made(formulas))
    yield from (f"bom-ref {ref!r} is used {count} times" for ref, count in sorted(made.items()) if count > 1)
    for item in formulas:
        for entry in (*item.get("inputs", []), *item.get("outputs", [])):
            ref = entry.get("resource", {}).get("ref")
            if ref is not None and ref not in known:
                yield f"{item.get('bom-ref')!r} uses {ref!r}, which is not a component"
        yield from _component_problems(item) if "type" in item else ()


def _dependency_problems(document: dict[str, Any], known: set[str]) -> Iterator[str]:
    entries = document.get("dependencies", [])
    refs = Counter(str(entry.get("ref")) for entry in entries)
    yield from (f"dependencies of {ref!r} stand twice" for ref, count in sorted(refs.items()) if count > 1)
    yield from (f"{ref!r} has no entry in dependencies" for ref in sorted(known - set(refs)))
    yield from (f"dependencies of {ref!r}, which is not a component" for ref in sorted(set(refs) - known))
    for entry in entries:
        if "dependsOn" not in entry:
            yield f"dependencies of {entry.get('ref')!r} lack dependsOn"
        for ref in entry.get("dependsOn", []):
            if ref not in known:
                yield f"{entry.get('ref')!r} depends on {ref!r}, which is not a component"


def _component_problems(component: dict[str, Any]) -> Iterator[str]:
    from packageurl import PackageURL

    ref = component.get("bom-ref")
    if not ref:
        yield f"component {component.get('name')!r} has no bom-ref"
    if not component.get("name"):
        yield f"component {ref!r} has no name"
    if "modelCard" in component and component.get("type") != "machine-learning-model":
        yield f"{ref!r} has a modelCard but is not a model"
    if "purl" in component:
        try:
            PackageURL.from_string(component["purl"])
        except ValueError:
            yield f"{ref!r} has an invalid package URL"
    for entry in component.get("licenses", []):
        expression = entry.get("expression", entry.get("license", {}).get("id"))
        if expression is not None and spdx_expression(expression) is None:
            yield f"{ref!r} has an invalid SPDX licence"
