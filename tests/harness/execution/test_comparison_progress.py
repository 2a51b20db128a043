import pytest

from harness.execution.worker import comparison_progress
from harness.execution.worker.comparison_progress import part_progress, stage_progress
from harness.training.events import Progress


def test_comparisons_one_after_the_other_are_parts_of_one_by_their_pairs():
    told = []
    for part in range(2):
        tell = part_progress(told.append, [3, 4], part)
        tell(0, 2)
        tell(1, 2)
    assert told == pytest.approx([0, 4.5 / 25, 9 / 25, 17 / 25])


def test_it_is_reported_about_once_a_second(monkeypatch):
    now, told = [0.0], []
    monkeypatch.setattr(comparison_progress, "monotonic", lambda: now[0])
    progress = stage_progress(told.append, Progress(1, 3, stage="udr-lasso"))
    for now[0], share in ((0.1, 0.2), (1.2, 0.4), (1.5, 0.5), (2.3, 0.7)):
        progress(share)
    assert told == [Progress(1, 3, stage="udr-lasso", share=0.4), Progress(1, 3, stage="udr-lasso", share=0.7)]
