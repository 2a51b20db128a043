"""The commands beside `run`."""

import json
import subprocess
import sys

import numpy as np
import pytest

from support import TOY, bars_suite

QUICK = """
import sys
from harness.cli import main
for command in {commands}:
    sys.argv = ["harness", *command.split()]
    try:
        main()
    except SystemExit as end:
        assert end.code == 0, (command, end.code)
    heavy = {{"torch", "pandas", "sklearn", "scipy", "pydantic"}} & set(sys.modules)
    assert not heavy, (command, heavy)
"""


def in_a_new_process(code):
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_nothing_heavy_is_imported_before_it_is_needed():
    in_a_new_process(QUICK.format(commands=["--help", "list", "list models", "run --help", "--version"]))


def test_results_are_read_without_what_trains():
    """torch takes longer to import than ten thousand trials to be tabulated."""
    reading = "harness.execution.study", "harness.execution.engine_choice", "harness.cli.commands.leaderboard"
    in_a_new_process(f"import sys, {', '.join(reading)}; assert 'torch' not in sys.modules")


def test_help_names_every_command(command):
    run = command("--help")
    for name in ("run", "list", "show", "leaderboard", "select", "score"):
        assert f"\n  {name} " in run.stdout


def test_a_plugins_command_stands_beside_the_others(run_process, tmp_path):
    (tmp_path / "site").mkdir()
    info = tmp_path / "site" / "hello-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hello\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[harness]\nhello = hello_plugin\n")
    (tmp_path / "site" / "hello_plugin.py").write_text(
        "import click, harness\n"
        "@harness.hookimpl\n"
        "def harness_register_commands(group):\n"
        "    @group.command()\n"
        "    def hello():\n"
        "        'Say hello.'\n"
        "        click.echo('hello there')\n"
    )
    env = {"PYTHONPATH": str(tmp_path / "site")}
    assert "Say hello." in run_process("--help", env=env).stdout
    assert run_process("hello", env=env).stdout == "hello there\n"


def test_an_unknown_command_is_the_users_mistake(command):
    run = command("rnu")
    assert run.returncode == 2
    assert "No such command 'rnu'" in run.stderr


def test_list_names_everything_and_where_it_is_from(command):
    run = command("list")
    for name in ("beta-vae", "infogan-cr", "sprites", "digits", "factorvae", "mig", "udr-lasso"):
        assert f"\n{name} " in run.stdout
    assert "disentanglement-harness" in run.stdout
    assert "sprites" not in command("list", "models").stdout


def test_list_warns_of_a_broken_plugin(run_process, tmp_path):
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[harness]\nbroken = no_such_module_at_all\n")
    run = run_process("list", env={"PYTHONPATH": str(tmp_path)})
    assert run.returncode == 0
    assert "warning: plugin broken: it cannot be imported" in run.stderr


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("beta-vae", ["beta", "weight of the KL", "float", "4.0", ">= 0", "1606.|Higgins", "encode", "kl"]),
        ("sprites --set orientations=1", ["image_size", "64", "tuple[square | ellipse | heart, ...]", "dSprites"]),
        ("mig", ["mutual information gap", "needs: encode, factors", "scores: from 0 to 1, higher is better"]),
        ("kid", ["KID", "scores: from -inf to inf, lower is better"]),
        ("udr-lasso", ["UDR", "needs: encode"]),
    ],
)
def test_show_tells_everything_about_a_name(command, name, texts):
    run = command("show", *name.split())
    assert run.returncode == 0, run.stderr
    flat = " ".join(run.stdout.split())
    for text in texts:
        assert any(choice.lower() in flat.lower() for choice in text.split("|")) or text in flat, text


def test_show_breaks_a_description_where_the_terminal_ends_and_nowhere_else(monkeypatch, capsys):
    from click.testing import CliRunner

    from harness.cli import cli

    monkeypatch.setenv("COLUMNS", "60")
    text = CliRunner().invoke(cli, ["show", "mig"]).output.split("source:")[0]
    for paragraph in text.strip().split("\n\n"):
        *lines, _ = [line.rstrip() for line in paragraph.splitlines()]
        firsts = [line.split()[0] for line in paragraph.splitlines()[1:]]
        assert all(len(line) + 1 + len(first) > 60 for line, first in zip(lines, firsts, strict=True)), paragraph


def test_show_suggests_the_nearest_name(command):
    run = command("show", "sprite")
    assert run.returncode == 2
    assert "there is no 'sprite'; did you mean 'sprites'?" in run.stderr
    assert "--plugin FILE.py" in run.stderr


@pytest.fixture(scope="module")
def study(run_command, tmp_path_factory):
    """A finished small study."""
    folder = tmp_path_factory.mktemp("study")
    suite = folder / "bars.toml"
    swept = {"model": "sweep.size = [2, 3]", "metrics": ["spread", "error"], "selectors": ["alike"]}
    suite.write_text(bars_suite(title="Bars", steps=20, **swept))
    assert run_command("run", suite, "--plugin", TOY, "--output", "out", cwd=folder).returncode == 0
    return folder / "out"


def test_leaderboard_in_every_format(command, study):
    table = command("leaderboard", study)
    assert "linear" in table.stdout
    assert "±" in table.stdout
    markdown = command("leaderboard", study, "--format", "markdown").stdout.splitlines()
    assert markdown[0] == "| model | setting | n | spread | error ↓ |"
    assert len(markdown) == 6
    assert markdown[-1].startswith("mean ± standard deviation over n seeds")
    in_latex = command("leaderboard", study, "--format", "latex").stdout.splitlines()
    assert (in_latex[0][:15], in_latex[-1]) == ("\\begin{tabular}", f"% {markdown[-1]}")
    records = json.loads(command("leaderboard", study, "--format", "json").stdout)
    assert {record["n"] for record in records} == {2}
    assert all(record["ci_low"] < record["mean"] < record["ci_high"] for record in records)
    header, *rows = command("leaderboard", study, "--format", "csv").stdout.splitlines()
    assert "ci_low" in header.split(",")
    assert len(rows) == 4


def test_select_in_every_format(command, study):
    table = command("select", study, "--plugin", TOY)
    assert table.returncode == 0, table.stderr
    for text in ("alike", "(random: mean)", "(labels: best)", "linear (4)"):
        assert text in table.stdout
    records = json.loads(command("select", study, "--plugin", TOY, "--format", "json").stdout)
    assert {record["metric"] for record in records} == {"spread", "error"}
    assert all(record["regret"] >= 0 for record in records)
    assert "| linear (4) | alike |" in command("select", study, "--plugin", TOY, "--format", "markdown").stdout
    assert "rank_correlation" in command("select", study, "--plugin", TOY, "--format", "csv").stdout


def test_a_folder_without_results_says_so(command, study):
    run = command("leaderboard", study.parent)
    assert run.returncode == 2
    assert "not a results folder" in run.stderr
    assert f"did you mean {study}?" in run.stderr
    run = command("leaderboard", study.with_name("ou"))
    assert run.returncode == 2
    assert f"ou: not a results folder, it is not there; did you mean '{study}'?" in run.stderr


def test_score_prints_scores_with_details(command, reference):
    run = command("score", reference / "aligned.npz", "--metric", "mig", "--metric", "factorvae", "--format", "json")
    assert run.returncode == 0, run.stderr
    scores = json.loads(run.stdout)
    assert list(scores) == ["mig", "factorvae"]
    assert scores["mig"]["score"] == pytest.approx(0.9989, abs=1e-4)
    assert scores["factorvae"]["score"] == 1
    assert "mutual_information" in scores["mig"]
    assert "0.9989" in command("score", reference / "aligned.npz", "--metric", "mig").stdout
    assert "total-correlation ↓ " in command("score", reference / "aligned.npz", "--metric", "total-correlation").stdout


def test_a_protocol_holds_for_every_metric_that_has_several(command, reference):
    names = ("factorvae", "betavae", "mig", "sap", "modularity", "explicitness", "dci-lasso")
    metrics = [argument for name in names for argument in ("--metric", name)]
    run = command("score", reference / "rotated.npz", *metrics, "--protocol", "infogan-cr", "--format", "json")
    assert run.returncode == 0, run.stderr
    scores = json.loads(run.stdout)
    published = json.loads((reference / "reference.json").read_text())["representations"]["rotated"]["exact"]
    authors = published["infogan_cr"]
    expected = {
        "factorvae": authors["factor_vae"]["factorVAE_metric"],
        "betavae": authors["beta_vae"]["betaVAE_metric"],
        "mig": authors["mig"]["MIG_metric"],
        "sap": authors["sap"]["SAP_metric"],
        "modularity": authors["fstat"]["FStat_modu_metric"],
        "explicitness": authors["fstat"]["FStat_expl_metric"],
        "dci-lasso": authors["dci_lasso"]["disent_metric"],
    }
    assert {name: found["score"] for name, found in scores.items()} == pytest.approx(expected, abs=5e-3)
    protocols = {name: found["settings"].get("protocol") for name, found in scores.items()}
    assert protocols == {name: None if name in ("mig", "dci-lasso") else "infogan-cr" for name in names}
    assert run.stderr == "--protocol infogan-cr: scored as ever, for want of such a setting: mig, dci-lasso\n"
    wrong = command("score", reference / "rotated.npz", *metrics, "--protocol", "infogancr")
    assert wrong.returncode == 2
    assert "expected 'disentanglement_lib' or 'infogan-cr'" in wrong.stderr


@pytest.mark.parametrize("place", [2.0**24, 1e9])
def test_codes_in_double_precision_are_scored_in_it(command, reference, tmp_path, place):
    """In single precision, codes that differ by 3 are one code at 1e9."""
    with np.load(reference / "aligned.npz") as file:
        arrays = dict(file)
    moved = tmp_path / "moved.npz"
    np.savez(moved, **{**arrays, "codes": arrays["codes"].astype(np.float64) + place})
    run = command("score", moved, "--metric", "mig", "--metric", "dci", "--format", "json")
    scores = json.loads(run.stdout)
    assert scores["mig"]["score"] == pytest.approx(0.9989, abs=1e-3)
    assert scores["dci"]["score"] == pytest.approx(1, abs=1e-2)


def write(path, **arrays):
    np.savez(path, **arrays)
    return path


CODES = np.zeros((6, 2), dtype=np.float32)
SIZES = np.array([2, 3])
GRID = {"codes": CODES, "factor_sizes": SIZES}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"codes": CODES, "factors": CODES[:5] + SIZES}, "is 2 in every row; leave it out"),
        ({"factor_sizes": SIZES}, "there is no array 'codes'"),
        ({"codes": CODES[:5], "factor_sizes": SIZES}, "array 'codes': expected (6, D)"),
        ({"codes": CODES * np.nan, "factor_sizes": SIZES}, "array 'codes': expected finite numbers"),
        ({"codes": CODES, "factor_sizes": np.array([2, 0])}, "array 'factor_sizes'"),
        (
            {"codes": CODES, "factor_sizes": np.array([2**62])},
            "array 'factor_sizes': expected a grid of as many points",
        ),
        ({"codes": CODES, "factor_sizes": SIZES, "train_index": np.array([6])}, "array 'train_index': expected whole"),
        ({**GRID, "test_index": np.array([[5]])}, "array 'test_index': expected one dimension"),
        ({**GRID, "group_index": np.array([5])}, "array 'group_index': expected (groups, size)"),
        ({**GRID, "group_index": np.array([[5]]), "group_label": np.array([0, 1])}, "array 'group_label': expected (1"),
        ({"codes": CODES, "factor_sizes": SIZES, "factor_values": CODES[:3]}, "array 'factor_values': expected (6, 2)"),
        ({"codes": np.array([{}]), "factor_sizes": SIZES}, "not an npz file of plain arrays"),
    ],
)
def test_a_wrong_file_of_codes_is_explained(command, tmp_path, arrays, message):
    run = command("score", write(tmp_path / "codes.npz", **arrays), "--metric", "mig")
    assert run.returncode == 2
    assert message in run.stderr
    assert "codes.npz" in run.stderr
    assert "Traceback" not in run.stderr


def test_an_unreadable_file_is_explained(command, tmp_path):
    (tmp_path / "text.npz").write_text("<html>")
    for name in ("text.npz", "absent.npz"):
        run = command("score", name, "--metric", "mig")
        assert run.returncode == 2
        assert name in run.stderr
        assert "Traceback" not in run.stderr


def test_selectors_apply_to_a_file_of_codes(command, reference):
    run = command("select", reference / "udr_set_1.npz", "--selector", "udr-spearman", "--format", "json")
    assert run.returncode == 0, run.stderr
    expected = json.loads((reference / "reference.json").read_text())["udr"]["udr_set_1"]["spearman"]["model_scores"]
    found = json.loads(run.stdout)["udr-spearman"]
    np.testing.assert_allclose(found["scores"], expected, atol=1e-6)
    assert found["chosen"] == int(np.argmax(expected))


TALKATIVE = """
import harness
import numpy as np

print("imported")


@harness.hookimpl
def harness_register_metrics(register):
    register("loud", Loud, "A metric that prints.")


@harness.hookimpl
def harness_register_selectors(register):
    register("chatty", Chatty, "A selector that prints.")


class Loud(harness.Metric):
    def score(self, evaluation):
        print("scoring")
        return harness.Score(0.5)


class Chatty(harness.Selector):
    def compare(self, pool):
        print("comparing")
        return np.ones((len(pool), len(pool)))

    def scores(self, comparisons):
        print("choosing")
        return comparisons.sum(axis=1)
"""


def test_what_plugins_print_is_no_part_of_an_answer(command, reference, tmp_path):
    (tmp_path / "talkative.py").write_text(TALKATIVE)
    plugin = ("--plugin", "talkative.py", "--format", "json")
    scored = command("score", reference / "aligned.npz", "--metric", "loud", *plugin)
    assert json.loads(scored.stdout)["loud"]["score"] == 0.5, scored.stderr
    assert scored.stderr.split() == ["imported", "scoring"]
    chosen = command("select", reference / "udr_set_1.npz", "--selector", "chatty", *plugin)
    assert len(set(json.loads(chosen.stdout)["chatty"]["scores"])) == 1, chosen.stderr
    assert set(chosen.stderr.split()) == {"comparing", "choosing"}  # It is imported in this process already.


def test_selectors_apply_to_comparisons_made_elsewhere(command, tmp_path, reference):
    example = json.loads((reference / "reference.json").read_text())["model_centrality"]["example_1"]
    path = write(tmp_path / "cross.npz", cross_factor_vae_scores=np.array(example["cross_factor_vae_scores"]))
    run = command("select", path, "--format", "json")
    found = json.loads(run.stdout)["model-centrality"]
    np.testing.assert_allclose(found["scores"], example["centrality"], atol=1e-12)
    assert found["chosen"] == example["ranking_best_first"][0]
    assert "model-centrality: model 2" in command("select", path).stdout


def test_a_selector_that_needs_models_cannot_take_a_file(command, reference):
    run = command("select", reference / "udr_set_1.npz", "--selector", "model-centrality")
    assert run.returncode == 2
    assert "the model has no generator" in run.stderr
