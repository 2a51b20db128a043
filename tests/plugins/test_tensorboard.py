"""What TensorBoard would show of a run."""

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from support import TOY, bars_suite

SUITE = bars_suite(steps=5)


@pytest.fixture
def shown(command, suite_file, tmp_path):
    """What was written for each trial of a run, by folder name."""
    run = command("run", suite_file(SUITE), "--plugin", TOY, "--output", "out", "--jobs", 1)
    assert run.returncode == 0, run.stderr
    return {folder.name: EventAccumulator(str(folder)).Reload() for folder in (tmp_path / "out/tensorboard").iterdir()}


def test_every_trial_has_its_losses_and_scores(shown, results, tmp_path):
    finished = results(tmp_path / "out")
    assert len(shown) == len(finished) == 2
    for title, result in finished.items():
        (events,) = [found for name, found in shown.items() if name.endswith(result["trial"])]
        assert "autoencoder/error" in events.Tags()["scalars"], title
        (score,) = events.Scalars("score/spread")
        assert score.value == pytest.approx(result["scores"][0]["score"], rel=1e-6)
        assert score.step == 5
