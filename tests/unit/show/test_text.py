from __future__ import annotations

from mlpack.show.facts import Facts, Level, Section, Table
from mlpack.show.text import render_text
from mlpack.show.visible import display_width

Pairs = tuple[tuple[str, str, Level], ...]
DIGEST = "bundle:sha256:" + "0f" * 32


def one(section: Section, *warnings: str) -> Facts:
    return Facts(title="churn 1.2.0", sections=(section,), warnings=warnings)


def test_labels_and_values_are_aligned_and_levels_are_marked() -> None:
    pairs: Pairs = (
        ("digest", "d", "plain"),
        ("signer", "-", "warning"),
        ("a", "y", "good"),
        ("b", "n", "bad"),
    )
    lines = render_text(one(Section(title="Identity", pairs=pairs))).splitlines()
    assert lines == [
        "churn 1.2.0",
        "",
        "Identity",
        "    digest  d",
        "  ! signer  -",
        "  ✓ a       y",
        "  ✗ b       n",
    ]


def test_warnings_stand_under_the_title() -> None:
    lines = render_text(one(Section(title="S"), "Not signed.")).splitlines()
    assert lines[:3] == ["churn 1.2.0", "", "  ! Not signed."]


def test_columns_of_numbers_are_aligned_on_the_right() -> None:
    table = Table(columns=("method", "rows"), rows=(("predict", "7"), ("predict_proba", "1,024")))
    lines = render_text(one(Section(title="Parity", table=table))).splitlines()
    assert lines[-2:] == ["    predict            7", "    predict_proba  1,024"]


def test_a_table_without_rows_shows_its_headings() -> None:
    text = render_text(one(Section(title="S", table=Table(columns=("a", "b"), rows=()))))
    assert text.endswith("    a  b\n    ─  ─")


def test_values_are_folded_under_themselves() -> None:
    section = Section(title="S", pairs=(("note", "alpha beta gamma delta", "plain"),))
    lines = render_text(one(section), width=24).splitlines()
    assert lines[-2:] == ["    note  alpha beta", "          gamma delta"]


def test_a_digest_is_never_cut_so_that_it_can_be_copied() -> None:
    text = render_text(one(Section(title="S", pairs=(("digest", DIGEST, "plain"),))), width=40)
    assert DIGEST in text


def test_table_cells_are_cut_to_the_width_of_the_terminal() -> None:
    table = Table(columns=("name", "categories"), rows=(("c" * 50, "x " * 60), ("価" * 40, "y")))
    text = render_text(one(Section(title="S", table=table)), width=60)
    assert max(map(display_width, text.splitlines())) <= 60


def test_a_long_label_gets_a_line_of_its_own() -> None:
    section = Section(title="S", pairs=(("l" * 40, "v", "plain"), ("a", "w", "plain")))
    assert render_text(one(section)).splitlines()[-3:] == ["    " + "l" * 40, "       v", "    a  w"]


def test_colour_adds_nothing_but_escape_sequences() -> None:
    facts = one(Section(title="S", pairs=(("a", "b", "bad"),)), "careful")
    coloured = render_text(facts, color=True)
    for code in ("1", "2", "31", "33", "0"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured == render_text(facts)


def test_without_colour_no_control_character_survives() -> None:
    evil = "\x1b]0;owned\x07\r\u202e\n"
    table = Table(columns=(evil,), rows=((evil,),))
    section = Section(title=evil, pairs=((evil, evil, "bad"),), table=table)
    text = render_text(Facts(title=evil, sections=(section,), warnings=(evil,)))
    assert all(char.isprintable() or char == "\n" for char in text)
    assert len(text.splitlines()) == 10
