import numpy as np
import pytest
import torch
from torch import nn

import harness
from harness import Categorical, FactorGrid, ImageSpec, LatentSpace, Uniform
from harness.config import Settings
from harness.report.trained import TrainedModel
from harness.scoring import score_key
from harness.store import ResultsFolder
from harness.suite import Suite
from harness.training.history import History
from harness.trial import Choice, Outcome, Result, ScoreRecord, Trial


class Squares(harness.GroundTruthDataset):
    """A bright square in one of four corners, in one of three shades, on an 8x8 image."""

    image = ImageSpec(1, 8, 8)

    def __init__(self, config=None):
        super().__init__(config or Settings())
        self.factors = FactorGrid(["corner", "shade"], [4, 3])
        self.loaded = 0

    def load(self, device="cpu"):
        super().load(device)
        self.loaded += 1

    def images(self, indices):
        corner, shade = torch.from_numpy(self.factors.ids(indices.numpy())).unbind(1)
        return draw(corner, 0.4 + 0.3 * shade)


def draw(corner, brightness):
    """Images (n, 1, 8, 8) with a square of the given brightness (n,) in one of four corners (n,)."""
    images = torch.zeros(len(corner), 1, 8, 8)
    for row, (place, value) in enumerate(zip(corner.tolist(), brightness, strict=True)):
        top, left = 4 * (place // 2), 4 * (place % 2)
        images[row, 0, top : top + 4, left : left + 4] = value
    return images


class Painter(harness.Model):
    """Draws what its latents say: a brightness from -1 to 1, a corner, and noise that changes nothing."""

    def __init__(self, config=None, image=Squares.image):
        super().__init__(config or Settings(), image)
        parts = {"noise": Uniform(2), "brightness": Uniform(1), "corner": Categorical(4)}
        self.latents = LatentSpace(parts, codes=["brightness", "corner"])
        self.scale = nn.Parameter(torch.ones(()))

    def generate(self, latents):
        parts = self.latents.split(latents)
        return draw(parts["corner"].argmax(dim=1), (self.scale * 0.5 * (1 + parts["brightness"])).flatten())


@pytest.fixture
def painter():
    """A trained model whose every latent is known, beside its dataset."""
    trial = Trial(Choice("squares"), Choice("painter"), {"steps": 0, "batch_size": 1}, 0, "painter")
    return TrainedModel(trial, Painter().eval(), Squares(), None)


METRICS = (Choice("spread"), Choice("gap", {"protocol": "a"}), Choice("gap", {"protocol": "b"}), Choice("error"))
FACTORS = 5


def record(metric, value, *, status="ok", **others):
    """One score as a trial's result keeps it."""
    found = ScoreRecord(
        key=score_key(metric, 0),
        metric=metric.name,
        settings=dict(metric.config),
        version=metric.version,
        higher_is_better=metric.name != "error",
        status=status,
        score=value if status == "ok" else None,
        **others,
    )
    return vars(found)


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
    """Writes a results folder of so many settings and seeds, with made-up scores and losses, and returns it."""

    def write(
        settings=3, seeds=2, *, steps=30, models=("linear", "other"), title="Made up", name="made-up", dataset=None
    ):
        rng = np.random.default_rng(0)
        folder = ResultsFolder(tmp_path / name)
        chosen = dataset or Choice("bars", {"brightness": 1.0})
        trials = tuple(
            Trial(
                chosen,
                Choice("linear", {"size": 3, "noise": round(0.1 * number, 3), "pause": 0.0}, "1.0"),
                {"steps": steps, "batch_size": 64},
                seed,
                models[number % len(models)],
                {"noise": round(0.1 * number, 3)},
            )
            for number in range(settings)
            for seed in range(seeds)
        )
        folder.create()
        folder.write_suite(Suite(title, name, trials, METRICS, (), 0))
        for trial in trials:
            matrix = rng.random((10, FACTORS)).tolist()
            scores = [
                record(metric, float(rng.random()), details={"mutual_information": matrix, "train_accuracy": 0.5})
                for metric in METRICS
            ]
            losses = [{"game/real": 1 / step, "game/fake": rng.random()} for step in range(1, steps + 1)]
            result = Result(
                trial.id, Outcome.FINISHED, seconds=12.5, finished_at="2026-01-02T03:04:05+00:00", scores=tuple(scores),
                provenance={"torch": "2.11", "device": "made up"},
            )  # fmt: skip
            write_trial(folder, trial, result, losses)
        return folder

    return write
