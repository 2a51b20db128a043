"""What a first user mistypes, and what is said to it."""

import pytest
from strange import ended as run

from harness.cli import main
from support import ROOT


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], "No such command 'rnu'; did you mean 'run'?"),
        (["leaderbord", "x"], "did you mean 'leaderboard'?"),
        (["run", "x.toml", "--timeout", "nan"], "nan is not a finite number"),
        (["run", "x.toml", "--timeout", "inf"], "inf is not a finite number"),
        (["run", "x.toml", "--patience", "nan"], "nan is not a finite number"),
        (["run", "x.toml", "--output", "~nobody-of-that-name/x"], "there is no such user, whose folder it would be in"),
        (["run", "x.toml", "--output", ""], "the name of a folder or file is empty"),
        (["check", "mine.py"], "mine.py is a file; check what it registers: harness check NAME --plugin mine.py"),
        (["check", "mig", "--set", "x"], "--set x: expected KEY=VALUE"),
        (["bench", "--model", "vae", "--dataset", "digits", "--config", "x"], "--config x: expected KEY=VALUE"),
        (
            ["bench", "--model", "betavae", "--dataset", "digits"],
            "harness: model: there is no model 'betavae'; did",
        ),
        (["show", "linaer"], "(a plugin in a single file is loaded by --plugin FILE.py)"),
        (["score", "x.npz", "--metric", "mig, sap"], "give it once for each: --metric mig --metric sap"),
        (["compare", "x", "--metric", "mig,sap"], "give it once for each: --metric mig --metric sap"),
        (["select", "x", "--protocol", "y"], "No such option '--protocol'. It is an option of `harness score`."),
        (
            ["run", "x.toml", "--protocol", "y"],
            'In a suite it is a setting of a metric: { name = "factorvae", protocol = ... }.',
        ),
        (["run", "x.toml", "--steps", "9"], "A suite has training.steps: --set training.steps=VALUE."),
        (["leaderboard", __file__], f"{__file__}: not a results folder but a file"),
        (["select", __file__], f"{__file__}: not a results folder but a file"),
    ],
)
def test_a_slip_is_answered_by_what_would_do(arguments, message):
    code, _, error = run(*arguments)
    assert code == 2
    assert message in error
    assert "measuring" not in error


def test_a_suite_that_names_what_no_plugin_has_is_told_how_a_file_is_loaded(tmp_path):
    (tmp_path / "study.toml").write_text('[dataset]\nname = "digits"\n[[models]]\nname = "my-vae"\n')
    code, _, error = run("run", tmp_path / "study.toml", "--dry-run")
    assert code == 2
    assert "(a plugin in a single file is loaded by --plugin FILE.py)" in error


@pytest.mark.parametrize("name", ["disentanglement", "disentanglement.toml", "suites/disentanglment.toml"])
def test_a_suite_that_is_not_there_is_looked_for(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    code, _, error = run("run", name, "--dry-run")
    assert (code, "did you mean 'suites/disentanglement.toml'?" in error) == (2, True), error


def test_a_results_folder_in_place_of_a_trial_is_what_is_spoken_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    code, _, error = run("samples", "results")
    assert (code, error.startswith("harness: results: not a results folder")) == (2, True), error


def test_a_title_may_be_written_without_quotes(tmp_path, monkeypatch, manager, recorded_study):
    _, results = recorded_study(tmp_path, 20, manager.registry)
    code, _, error = run("samples", f"{results.path}/linear", "noise=0.001", "seed=7")
    assert code == 2
    assert f"linear noise=0.001 seed=7: {LACKING}" in error


LACKING = "its model 'linear' and dataset 'bars' are of the plugin toy.py (version"
"""How what is said of a trial begins whose plugin is not loaded."""


def test_a_report_without_the_plugin_says_which_one_its_pictures_lack(tmp_path, manager, recorded_study):
    _, results = recorded_study(tmp_path, 10, manager.registry)
    code, _, error = run("report", results.path, "--output", tmp_path / "page.html")
    assert code == 0
    assert f"no pictures of 10 trials: {LACKING}" in error
    assert "which is not loaded; name the plugin's file by --plugin toy.py" in error
    assert "pictures of 0 of 10 trials" in error


def test_home_is_understood_in_the_name_of_a_folder(monkeypatch, tmp_path):
    from harness.storage.location import location

    monkeypatch.setenv("HOME", str(tmp_path))
    assert location("~/results") == tmp_path / "results"


def test_published_tables_are_printed_without_their_trials():
    for form in ("table", "json"):
        code, out, error = run("leaderboard", ROOT / "results/published/disentanglement", "--format", form)
        assert (code, "infogan-cr" in out) == (0, True), error
        code, out, error = run("select", ROOT / "results/published/selectors", "--format", form)
        assert (code, "udr-lasso" in out) == (0, True), error


def test_the_same_plugin_twice_is_loaded_once(tmp_path):
    from support import TOY

    code, out, error = run("list", "models", "--plugin", TOY, "--plugin", TOY.parent / ".." / "tests" / "toy.py")
    assert (code, error) == (0, "")
    assert out.count("\nlinear ") == 1


@pytest.mark.parametrize("wanted", [False, True])
def test_where_a_message_comes_from_is_shown_if_that_is_wanted(tmp_path, monkeypatch, capsys, wanted):
    monkeypatch.setenv("HARNESS_TRACEBACK", "1" if wanted else "")
    monkeypatch.setattr("sys.argv", ["harness", "run", str(tmp_path / "none.toml")])
    with pytest.raises(SystemExit) as end:
        main()
    error = capsys.readouterr().err
    assert end.value.code == 2
    assert error.splitlines()[-1].startswith("harness: ")
    assert ("Traceback (most recent call last)" in error) is wanted
