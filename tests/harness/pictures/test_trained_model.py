"""Trials are found by what a person calls them."""

import pytest

from harness import NotApplicableError
from harness.errors import UserError
from harness.pictures.trained_model import load_trained, unloaded_dataset
from harness.results.find import find_trial


def test_a_trial_is_found_by_identity_title_and_their_beginnings(synthetic):
    folder = synthetic(settings=2, seeds=2, models=("a/b", "c"), steps=2)
    trials = folder.suite.trials
    for trial in trials:
        names = [trial.id, trial.id[:8], f"trials/{trial.id}", trial.title]
        for name in names:
            found, which = find_trial(folder.path / name)
            assert (found.path, which.id) == (folder.path, trial.id), name
    assert find_trial(folder.path / "c noise=0.1 seed=1")[1].seed == 1


def test_an_unknown_or_ambiguous_trial_is_explained(synthetic):
    folder = synthetic(settings=2, seeds=2, models=("one", "two"), steps=2)
    with pytest.raises(UserError, match=r"there is no trial 'one noise=0.0 seed=7'; did you mean 'one noise=0.0 seed="):
        find_trial(folder.path / "one noise=0.0 seed=7")
    with pytest.raises(UserError, match=r"'one' fits 2 trials:\n  .*  one noise=0.0 seed=0\n") as error:
        find_trial(folder.path / "one")
    assert "two" not in str(error.value)
    with pytest.raises(UserError, match="name one of its trials behind the folder:\n") as error:
        find_trial(folder.path)
    assert str(error.value).count("seed=") == 4
    with pytest.raises(UserError, match=f"not a results folder.*did you mean {folder.path}"):
        find_trial(folder.path.parent / "nowhere")


def test_a_trial_without_a_model_says_why(synthetic, registry):
    folder = synthetic(settings=1, seeds=1, models=("linear",), steps=2)
    trial = folder.suite.trials[0]
    dataset = unloaded_dataset(trial, registry, "cpu")
    with pytest.raises(UserError, match="there is no trained model; it ended as finished"):
        load_trained(folder, trial, registry, dataset)
    folder.trial(trial.id).result_file.unlink()
    with pytest.raises(UserError, match="it is not done"):
        load_trained(folder, trial, registry, dataset)


def test_what_a_model_cannot_do_does_not_apply(painter):
    with pytest.raises(NotApplicableError, match="does not reconstruct"):
        painter.require_ability("reconstruct")
    with pytest.raises(NotApplicableError, match="no encoder"):
        painter.encode(None)
