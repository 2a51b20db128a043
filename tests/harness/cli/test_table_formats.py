"""Tables on a terminal of any width, and as CSV, JSON, Markdown and LaTeX."""

import csv
import io
import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from harness.cli.result_tables import leaderboard_notes, print_leaderboard, print_selections, wide_leaderboard
from harness.cli.table_formats import as_csv, as_json, latex, markdown, print_table
from harness.results.parquet import read_table
from support import ROOT

PUBLISHED = ROOT / "results" / "published"
BOARD = read_table(PUBLISHED / "disentanglement" / "leaderboard.parquet")
SELECTIONS = read_table(PUBLISHED / "selectors" / "selections.parquet").assign(status="ok", reason="")


def at(columns, capsys, show, *arguments, **options):
    """What is printed on a terminal of so many columns."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(columns))
        show(*arguments, **options)
    return capsys.readouterr().out


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 160])
def test_no_line_is_wider_than_the_terminal_and_no_score_and_no_word_is_cut(columns, capsys):
    for show, table in ((print_leaderboard, BOARD), (print_selections, SELECTIONS)):
        text = at(columns, capsys, show, table, "Title")
        assert max(map(cell_len, text.splitlines())) <= columns
        words = text.split()
        for metric in BOARD["metric"].unique() if table is BOARD else SELECTIONS["metric"].unique():
            assert metric in words
    numbers = [f"{mean:.3f}" for mean in BOARD.query("metric == 'factorvae'")["mean"]]
    assert numbers
    assert all(number in at(columns, capsys, print_leaderboard, BOARD, "Title") for number in numbers)


@pytest.mark.parametrize("columns", [60, 80, 150, 400])
def test_a_column_of_sentences_is_folded_and_no_key_is_squeezed_for_it(columns, capsys):
    sentence = "better in 13 of 20 seeds; +0.0405 (-0.0392 to +0.12); " + "cannot be told from no difference; " * 3
    table = pd.DataFrame(
        {"metric": ["dci-forest", "mig"], "setting": ["infogan-cr", "beta-vae beta=4.0"], "sentence": [sentence] * 2}
    )
    text = at(columns, capsys, print_table, table, "Title", keys=2)
    assert max(map(cell_len, text.splitlines())) <= columns
    (header,) = (line for line in text.splitlines() if "metric" in line)
    assert header.split() == ["metric", "setting", "sentence"], "one table, not one below the other"
    words = [word for word in text.split() if set(word) != {"─"}]
    assert sorted(words) == sorted(f"Title metric setting sentence {' '.join(table.stack())}".split())


def test_a_leaderboard_shows_three_decimals_the_number_of_seeds_and_the_interval(capsys):
    row = BOARD.query("metric == 'mig' and model == 'infogan-cr'").iloc[0]
    table = wide_leaderboard(BOARD.assign(best=False)).set_index("model").loc["infogan-cr"]
    assert table["n"] == str(row["n"]) == "3"
    assert table["mig"] == f"{row['mean']:.3f} ± {row['std']:.3f}\n[{row['ci_low']:.3f}, {row['ci_high']:.3f}]"
    shown = at(80, capsys, print_leaderboard, BOARD, "Title")
    assert f"[{row['ci_low']:.3f}, {row['ci_high']:.3f}]" in shown


@pytest.mark.parametrize(
    ("mean", "shown"),
    [(0.5, "0.500"), (1.0, "1.000"), (0.0123456, "0.0123"), (250.123, "250.1"), (1e-9, "1.00e-09"), (3e12, "3.00e+12")],
)
def test_numbers_have_three_significant_digits_whatever_their_size(mean, shown):
    board = BOARD.head(1).assign(mean=mean, std=float("nan"), ci_low=float("nan"), ci_high=float("nan"), best=False)
    (cell,) = wide_leaderboard(board)[BOARD["metric"].iloc[0]]
    assert cell == shown


def test_missing_scores_are_told_with_their_reasons(capsys):
    reason = "the dataset has no factors; pip install '.[fid]'"
    missing = BOARD.head(2).assign(status=["not-applicable", "failed"], reason=reason, mean=None, rank=pd.NA)
    assert set(wide_leaderboard(missing).iloc[0]) >= {"n/a", "failed"}
    metrics = list(missing["metric"])
    assert leaderboard_notes(missing) == [f"{metrics[0]} n/a: {reason}", f"{metrics[1]} failed: {reason}"]
    shown = " ".join(at(80, capsys, print_leaderboard, missing, "Title").split())
    assert f"n/a: {reason}" in shown


SIGNS = st.text("ab *[]/\\=|\n\x1b\u202e表é", max_size=30)


@settings(max_examples=8)
@given(label=SIGNS, title=SIGNS, value=SIGNS, columns=st.integers(1, 200))
def test_any_label_makes_a_table(label, title, value, columns):
    board = BOARD.assign(model=label, swept=json.dumps({"x": value}), reason=value)
    selections = SELECTIONS.assign(pool=label, chosen=value)
    with pytest.MonkeyPatch.context() as patch:
        out = io.StringIO()
        patch.setattr("sys.stdout", out)
        patch.setenv("COLUMNS", str(columns))
        print_leaderboard(board, title)
        print_selections(selections, title)
    shown = out.getvalue()
    assert all(sign.isprintable() or sign == "\n" for sign in shown)
    assert max(map(cell_len, shown.splitlines())) <= max(columns, 40)


def test_cells_that_begin_a_formula_are_inert_in_csv():
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "plain", "a=1"]
    table = pd.DataFrame({"text": formulas, "number": [-1.5] * len(formulas)})
    rows = list(csv.DictReader(io.StringIO(as_csv(table))))
    assert [row["text"] for row in rows] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "plain", "a=1"]
    assert {row["number"] for row in rows} == {"-1.5"}


def test_json_keeps_every_text_without_what_a_terminal_obeys():
    texts = ["\x1b[2J", "\u202eabc", "\x9b1m", "\x7f", "é 表"]
    written = as_json(pd.DataFrame({"text": texts}))
    assert [record["text"] for record in json.loads(written)] == texts
    assert all(sign.isprintable() or sign == "\n" for sign in written)


def test_markdown_keeps_a_row_in_a_line():
    assert markdown(pd.DataFrame({"a|b": ["x\ny | z"]})) == "| a\\|b |\n| --- |\n| x y \\| z |"


def test_latex_says_what_the_table_says_and_obeys_nothing_in_it():
    table = pd.DataFrame([["a_{b} 50 %*", "0.5 ± 0.1*"], ["\\input{x}", "0.25"]], columns=["model", "{} & {0} \\{ ↓"])
    lines = latex(table).splitlines()
    assert lines[0] == r"\begin{tabular}{ll}"
    assert lines[2] == r"model & \{\} \& \{0\} \textbackslash{}\{ $\downarrow$ \\"
    assert lines[4] == r"a\_\{b\} 50 \%* & \textbf{0.5 $\pm$ 0.1} \\"
    assert lines[5] == r"\textbackslash{}input\{x\} & 0.25 \\"


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_any_heading_can_be_written_in_latex(heads):
    assert latex(pd.DataFrame([[""] * len(heads)], columns=heads)).startswith(r"\begin{tabular}")
