"""`harness compare`, as a person runs it."""

import json
import shutil

import pandas as pd
import pytest

from support import TOY, bars_suite

SUITE = bars_suite(steps=4, seeds=3, batch_size=8, model="sweep.noise = [0.1, 0.5]", metrics=["spread", "error"])


@pytest.fixture(scope="module")
def study(run_command, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    (folder / "study.toml").write_text(SUITE)
    run = run_command("run", "study.toml", "--plugin", TOY, "--output", "out", cwd=folder)
    assert run.returncode == 0, run.stderr
    return folder


def test_settings_are_compared_with_the_first_and_the_table_is_kept(study, run_command):
    shown = run_command("compare", "out", cwd=study)
    assert shown.returncode == 0, shown.stderr
    assert "Against linear noise=0.1; p corrected for 2 comparisons" in shown.stdout
    assert "of 3 seeds" in shown.stdout
    kept = pd.read_parquet(study / "out" / "comparisons.parquet")
    printed = json.loads(run_command("compare", "out", "--format", "json", cwd=study).stdout)
    assert kept["difference"].tolist() == pytest.approx([row["difference"] for row in printed])
    assert kept["sentence"].tolist() == [row["sentence"] for row in printed]


def test_a_folder_that_cannot_be_written_is_compared_all_the_same(study, run_command, tmp_path):
    shutil.copytree(study / "out", tmp_path / "out")
    (tmp_path / "out" / "comparisons.parquet").unlink(missing_ok=True)
    (tmp_path / "out" / "comparisons.parquet").mkdir()  # Which no file can replace, whoever runs the tests.
    shown = run_command("compare", "out", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "Against linear noise=0.1" in shown.stdout
    assert "note: the comparison is not kept: out/comparisons.parquet: Is a directory" in shown.stderr


def test_two_folders_of_the_same_trials_do_not_differ(study, run_command):
    rows = json.loads(run_command("compare", "out", "out", "--format", "json", cwd=study).stdout)
    assert len(rows) == 4
    assert {row["difference"] for row in rows} == {0.0}


def test_ranks_and_interquartile_means_are_printed(study, run_command):
    assert "mean rank" in run_command("compare", "out", "--ranks", cwd=study).stdout
    assert "iqm" in run_command("compare", "out", "--iqm", "error", cwd=study).stdout


def test_where_smaller_is_better_an_arrow_says_so(study, run_command):
    for form in ("table", "markdown"):
        assert "error ↓" in run_command("compare", "out", "--format", form, cwd=study).stdout
    assert "↓" not in run_command("compare", "out", "--format", "csv", cwd=study).stdout
    assert "Interquartile mean of error ↓" in run_command("compare", "out", "--iqm", "error", cwd=study).stdout


def test_in_latex_a_comparison_is_numbers_and_no_sentence(study, run_command):
    text = run_command("compare", "out", "--format", "latex", cwd=study).stdout
    assert r"metric & setting & difference & 95 \% interval & p & p (Holm) & n \\" in text
    assert r"error $\downarrow$ & linear noise=0.5 & " in text
    assert "better in" not in text
    row = next(line for line in text.splitlines() if line.startswith("spread"))
    assert row.endswith(r" & 3 \\")


def test_published_tables_alone_can_be_compared(study, run_command, tmp_path):
    (tmp_path / "scores.parquet").write_bytes((study / "out" / "scores.parquet").read_bytes())
    assert "of 3 seeds" in run_command("compare", tmp_path, "--metric", "error", cwd=study).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["out", "--baseline", "linear noise=0.2"], "there is no setting 'linear noise=0.2'; did you mean"),
        (["out", "--metric", "spred"], "no trial has been scored by 'spred'; did you mean 'spread'"),
        (["out", "out", "out"], "takes one results folder, or two"),
        (["out", "out", "--ranks"], "are of one results folder"),
        (["nowhere"], "not a results folder"),
    ],
)
def test_a_mistake_is_one_message(study, run_command, arguments, message):
    run = run_command("compare", *arguments, cwd=study)
    assert run.returncode == 2
    assert message in " ".join(run.stderr.split())
    assert "Traceback" not in run.stderr
