import re

import pytest

from harness.errors import ContractError
from harness.suite.schedules import schedule_notes
from harness.suite.suite import load_suite
from support import ROOT

SUITE = """
[dataset]
name = "digits"
[training]
steps = {steps}
[[models]]
name = "{model}"
config.width = 0.125
"""


@pytest.fixture
def notes(suite_file, registry):
    """What is said of a suite's text."""
    return lambda text: schedule_notes(load_suite(suite_file(text), registry), registry)


@pytest.mark.parametrize(
    ("model", "settings", "setting", "last"),
    [
        ("infogan-cr", "config.contrastive_start = 100", "contrastive_start", 100),
        (
            "infogan-cr",
            "config.contrastive_start = 5\nconfig.gap = 1.9\nconfig.gap_changes = [{step = 7, gap = 1}, "
            "{step = 60, gap = 0}]",
            "gap_changes[1]",
            60,
        ),
        ("annealed-vae", "config.annealing_steps = 80", "annealing_steps", 79),
        ("age", "config.drop_steps = 50", "drop_steps", 50),
        ("wgan-gp", "config.decay_steps = 90", "decay_steps", 89),
    ],
)
def test_a_schedule_that_goes_on_after_the_training_is_told(notes, model, settings, setting, last):
    told = f"{model}: {setting} is for step {last}, but the last step of the training is {last - 1}"
    assert notes(SUITE.format(steps=last, model=model) + settings) == [told]
    assert notes(SUITE.format(steps=last + 1, model=model) + settings) == []


@pytest.mark.parametrize("model", ["infogan-modified", "beta-vae", "age", "wgan-gp", "dcgan"])
def test_models_without_a_schedule_fit_any_training(notes, model):
    assert notes(SUITE.format(steps=1, model=model)) == []


def test_a_term_without_weight_need_not_switch_on(notes):
    assert notes(SUITE.format(steps=1, model="infogan-cr") + "config.contrastive_weight = 0") == []


def test_steps_that_are_none_are_told(suite_file, registry, monkeypatch):
    model = registry.find("models", "age").load()
    monkeypatch.setattr(model, "milestones", lambda self: 3)  # As no built-in model does.
    with pytest.raises(ContractError, match=r"AGE.milestones returns 3, not steps by setting"):
        schedule_notes(load_suite(suite_file(SUITE.format(steps=1, model="age")), registry), registry)


def test_an_untrained_model_is_not_told_of(notes):
    assert notes(SUITE.format(steps=0, model="infogan-cr")) == []


def test_each_setting_is_told_once_whatever_the_number_of_seeds(notes):
    text = "seeds = 4\n" + SUITE.format(steps=9, model="infogan-cr") + "sweep.contrastive_start = [8, 9, 10]"
    assert [note.split(":")[0] for note in notes(text)] == [
        "infogan-cr contrastive_start=9",
        "infogan-cr contrastive_start=10",
    ]


@pytest.mark.parametrize("options", [["--dry-run"], []])
def test_run_and_dry_run_warn(command, suite_file, options):
    suite = suite_file(SUITE.format(steps=2, model="infogan-cr") + "[evaluation]\nmetrics = []")
    run = command("run", suite, *options)
    assert run.returncode == 0, run.stderr
    assert "warning: infogan-cr: contrastive_start is for step 288,000, but the last step of the training is 1" in (
        run.stderr
    )


def test_in_the_readmes_example_the_contrastive_term_switches_on(notes):
    (example,) = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert "infogan-cr" in example
    assert notes(example) == []


@pytest.mark.parametrize(
    "path", [path for path in sorted((ROOT / "suites").rglob("*.toml")) if path.stem != "smoke"], ids=lambda p: p.stem
)
def test_the_schedules_of_shipped_suites_fit_their_training(path, registry):
    assert schedule_notes(load_suite(path, registry), registry) == []
