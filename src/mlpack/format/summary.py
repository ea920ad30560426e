"""What a bundle says of itself, as facts: the text of `inspect` and the box in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlpack.format.contract import CategoricalProfile, Contract, Input, NumericProfile, Output
from mlpack.format.secrets.gate import allowed_by
from mlpack.show.facts import Facts, Level, Section, Table

if TYPE_CHECKING:
    from mlpack.format.evidence import Parity
    from mlpack.format.opening import UnverifiedBundle

__all__ = ["bundle_facts", "bytes_text", "contract_sections", "parity_section"]

MAX_ROWS = 30
"""Most inputs that a summary lists; contract.json has them all."""


def bundle_facts(bundle: UnverifiedBundle) -> Facts:
    """Return identity, interface, parity, sizes and warnings of a bundle."""
    manifest = bundle.manifest
    signature: tuple[str, str, Level] = ("signature", "none", "warning")
    if bundle.signed:
        signature = ("signature", "present, not checked here", "plain")
    identity = Section(
        title="Bundle",
        pairs=(
            ("digest", bundle.digest, "plain"),
            signature,
            ("model", f"{manifest.model.original} ({' '.join(manifest.model.framework)})", "plain"),
            ("task", manifest.model.task, "plain"),
            ("format", _format(bundle), "plain"),
            (
                "runtime",
                ", ".join(f"{name} {need}" for name, need in sorted(manifest.runtime.items())),
                "plain",
            ),
            ("size", f"{bytes_text(bundle.size)} in {len(bundle.checksums) + 1} files", "plain"),
            ("wheels", f"{bundle.wheels} carried along" if bundle.wheels else "not carried along", "plain"),
            ("license", manifest.license or "not stated", "plain"),
        ),
    )
    sections = (identity, *contract_sections(bundle.contract), parity_section(bundle.parity))
    return Facts(title=f"{manifest.name} {manifest.version}", sections=sections, warnings=_warnings(bundle))


def _format(bundle: UnverifiedBundle) -> str:
    sizes = [item.size for item in bundle.manifest.files.values() if item.role in ("model", "code")]
    files = "one file" if len(sizes) == 1 else f"{len(sizes)} files"
    return f"{bundle.manifest.model.format}, {files} of {bytes_text(sum(sizes))}"


def _warnings(bundle: UnverifiedBundle) -> tuple[str, ...]:
    found = []
    if not bundle.signed:
        found.append("Not signed: nobody vouches for this bundle yet.")
    if "pickle" in bundle.manifest.requires:
        found.append("Loading it does whatever its pickle says. It loads only where a policy allows code.")
    if "python" in bundle.manifest.requires:
        found.append("Loading it runs Python code of the bundle. It loads only where a policy allows code.")
    if allowed := allowed_by(bundle.manifest.annotations):
        found.append(f"Let through by whoever packed it, past the secrets gate: {', '.join(allowed)}.")
    if bundle.manifest.golden == "sample":
        found.append("The golden rows are real rows of the example.")
    if bundle.parity.certificate == "loose":
        found.append("The packed model agrees with the original only loosely (1e-5).")
    found += [
        f"The packed model answers rows that the original refuses: {probe.name}."
        for probe in bundle.parity.probes
        if probe.outcome == "answered"
    ]
    if bundle.manifest.ignored:
        found.append(f"Written by a newer mlpack; skipped: {', '.join(bundle.manifest.ignored[:10])}.")
    return tuple(found)


def contract_sections(contract: Contract) -> tuple[Section, Section]:
    """Return what goes in and what comes out."""
    rows = [_input_row(item) for item in contract.inputs[:MAX_ROWS]]
    if len(contract.inputs) > MAX_ROWS:
        rows.append((f"... {len(contract.inputs) - MAX_ROWS} more", "", "", ""))
    shape = "one column each" if contract.layout == "frame" else f"one array (n, {len(contract.inputs)})"
    return (
        Section(
            title=f"Inputs: {shape}",
            table=Table(columns=("name", "type", "accepts", "in the example"), rows=tuple(rows)),
        ),
        Section(
            title="Outputs",
            table=Table(
                columns=("method", "type", "shape", "classes"),
                rows=tuple(_output_row(item) for item in contract.outputs),
            ),
        ),
    )


def _input_row(item: Input) -> tuple[str, str, str, str]:
    accepts = []
    if item.nulls:
        accepts.append("missing")
    if item.infinities:
        accepts.append("infinite")
    if item.dtype == "string":
        accepts.append("any string" if item.unknown else "known strings only")
    return item.name, item.dtype, ", ".join(accepts) or "finite values", _profile_text(item)


def _profile_text(item: Input) -> str:
    match item.profile:
        case NumericProfile() as profile:
            return f"{profile.minimum:g} to {profile.maximum:g}"
        case CategoricalProfile() as profile:
            shown = ", ".join(profile.categories[:4])
            more = len(profile.categories) - 4
            return f"{shown} and {more} more" if more > 0 else shown
        case None:
            return ""


def _output_row(item: Output) -> tuple[str, str, str, str]:
    shape = "(" + ", ".join("n" if size is None else str(size) for size in item.shape)
    shape += ",)" if len(item.shape) == 1 else ")"
    classes = ", ".join(str(label) for label in (item.classes or ())[:6])
    more = len(item.classes or ()) - 6
    return item.method, item.dtype, shape, f"{classes} and {more} more" if more > 0 else classes


def parity_section(parity: Parity) -> Section:
    """Return how the packed model agrees with the original."""
    level: Level = "warning" if parity.certificate == "loose" else "good"
    rows = sum(probe.rows for probe in parity.probes)
    return Section(
        title="Parity with the original",
        pairs=(
            ("certificate", parity.certificate, level),
            (
                "measured on",
                f"{rows} rows in {len(parity.probes)} probe sets, {parity.threads} thread(s)",
                "plain",
            ),
            ("route", parity.rung, "plain"),
            *((("emitters of", ", ".join(parity.plugins), "plain"),) if parity.plugins else ()),
        ),
        table=Table(
            columns=("method", "certificate", "worst error", "labels that differ"),
            rows=tuple(
                (item.method, item.certificate, f"{item.worst:.2g}", str(item.labels_differ))
                for item in parity.methods
            ),
        ),
    )


def bytes_text(size: int) -> str:
    """Return a size for people, in powers of 1000."""
    amount = float(size)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
