import numpy as np
import pytest

from harness.results.folder import ResultsFolder
from harness.results.result import Outcome, Result, ScoreRecord
from harness.suite.schema import Training
from harness.suite.suite import Suite
from harness.suite.trial import Choice, Trial, score_key
from harness.training.history import History

METRICS = (Choice("spread"), Choice("gap", {"protocol": "a"}), Choice("gap", {"protocol": "b"}), Choice("error"))
FACTORS = 5


def record(metric, value, *, status="ok", **others):
    """One score as a trial's result keeps it."""
    return ScoreRecord(
        key=score_key(metric, 0),
        metric=metric.name,
        settings=dict(metric.config),
        version=metric.version,
        higher_is_better=metric.name != "error",
        status=status,
        score=value if status == "ok" else None,
        **others,
    )


def write_trial(folder, trial, result, losses=()):
    """Write what a worker process would have left of a trial."""
    files = folder.trial(trial.id)
    files.write_trial(trial)
    files.write_result(result)
    history = History(len(losses), 64)
    for step, terms in enumerate(losses, start=1):
        history.record(step, terms)
    history.save(files.history)


@pytest.fixture
def synthetic(tmp_path):
    """Writes a results folder of so many settings and seeds, with made-up scores and losses, and returns it.

    `metrics` are scored by `score(metric, setting, seed)` if given; trials take their version of torch from `torch` in
    turn, and `details` are added to every score's. Each setting is scored after so many `steps`, or each of several.
    """

    def write(
        settings=3, seeds=2, *, steps=30, models=("linear", "other"), title="Made up", name="made-up", dataset=None,
        metrics=METRICS, score=None, details=None, torch=("2.11",), swept=lambda number: round(0.1 * number, 3),
    ):  # fmt: skip
        rng = np.random.default_rng(0)
        folder = ResultsFolder(tmp_path / name)
        at = [steps] if isinstance(steps, int) else steps
        chosen = dataset or Choice("bars", {"brightness": 1.0})
        trials = tuple(
            Trial(
                chosen,
                Choice("linear", {"size": 3, "noise": round(0.1 * number, 3), "pause": 0.0}, "1.0"),
                Training(steps=done, batch_size=64),
                seed,
                models[number % len(models)],
                {"noise": swept(number), **({"training.steps": done} if len(at) > 1 else {})},
            )
            for number in range(settings)
            for done in at
            for seed in range(seeds)
        )
        folder.create()
        folder.write_suite(Suite(title, name, trials, tuple(metrics), (), 0))
        for place, trial in enumerate(trials):
            matrix = rng.random((10, FACTORS)).tolist()
            scores = [
                record(
                    metric,
                    score(metric.name, place // seeds, trial.seed) if score else float(rng.random()),
                    details={"mutual_information": matrix, "train_accuracy": 0.5, **(details or {})},
                )
                for metric in metrics
            ]
            losses = [{"game/real": 1 / step, "game/fake": rng.random()} for step in range(1, max(at) + 1)]
            result = Result(
                trial.id, Outcome.FINISHED, seconds=12.5, finished_at="2026-01-02T03:04:05+00:00", scores=tuple(scores),
                provenance={"torch": torch[place % len(torch)], "device": "made up"},
            )  # fmt: skip
            write_trial(folder, trial, result, losses)
        return folder

    return write


@pytest.fixture(scope="session")
def study(tmp_path_factory, manager):
    """A finished study of toy models: two settings, two seeds, and one that fails."""
    from harness.execution.plan import RunOptions
    from harness.execution.study import run

    folder = tmp_path_factory.mktemp("study")
    (folder / "toys.toml").write_text(
        """
        title = "Toys"
        seeds = 2
        [dataset]
        name = "bars"
        [training]
        steps = 30
        batch_size = 16
        [[models]]
        name = "linear"
        sweep.size = [2, 3]
        [[models]]
        name = "raising"
        [evaluation]
        metrics = ["spread", "error"]
        selectors = ["alike"]
        """
    )
    run(folder / "toys.toml", folder / "out", options=RunOptions(device="cpu"), plugins=manager)
    return ResultsFolder(folder / "out")
