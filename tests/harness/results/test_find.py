from dataclasses import replace

import pytest

from harness.errors import UserError
from harness.results.find import find_trial
from harness.results.folder import ResultsFolder
from harness.suite.suite import load_suite

SUITE = """
seeds = 2
[dataset]
name = "bars"
[training]
steps = 30
batch_size = 16
[[models]]
name = "linear"
"""


def test_a_trial_of_an_earlier_suite_is_still_found_in_its_folder(suite_file, registry, tmp_path):
    suite = load_suite(suite_file(SUITE), registry)
    folder = ResultsFolder(tmp_path)
    for trial in suite.trials:
        folder.trial(trial.id).write_trial(trial)
    (folder.path / "trials" / "notes").mkdir()
    folder.write_suite(replace(suite, trials=suite.trials[:1]))
    assert folder.others(folder.suite) == sorted([suite.trials[1].id, "notes"])
    for name in (suite.trials[1].id, "linear seed=1"):
        assert find_trial(tmp_path / name)[1] == suite.trials[1]
    assert find_trial(tmp_path / "linear")[1] == suite.trials[0], "what was run last comes first"
    with pytest.raises(UserError, match="there is no trial 'other'"):
        find_trial(tmp_path / "other")
