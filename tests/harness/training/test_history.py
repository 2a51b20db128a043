import pandas as pd
import pyarrow.parquet as pq
import pytest

from harness.errors import DivergenceError
from harness.training.history import History


def test_rows_are_evenly_spaced_and_about_five_hundred():
    history = History(10_000, 8)
    assert sum(history.due(done) for done in range(1, 10_001)) == 500
    assert all(History(3, 8).due(done) for done in (1, 2, 3))


def test_history_is_written_with_speed_and_meaning(tmp_path):
    history = History(4, 8)
    history.record(1, {"a/loss": 2.0})
    history.record(2, {"a/loss": 1.0})
    history.save(tmp_path / "history.parquet")
    table = pd.read_parquet(tmp_path / "history.parquet")
    assert table["step"].tolist() == [1, 2]
    assert table["a/loss"].tolist() == [2.0, 1.0]
    assert (table["images_per_second"] > 0).all()
    assert pq.read_schema(tmp_path / "history.parquet").field("step").metadata[b"meaning"]


def test_a_resumed_history_forgets_rows_after_the_checkpoint(tmp_path):
    history = History(4, 8)
    for step in (1, 2, 3):
        history.record(step, {"a/loss": float(step)})
    history.save(tmp_path / "history.parquet")
    resumed = History(4, 8)
    resumed.resume(tmp_path / "history.parquet", done=2, seconds=5.0)
    resumed.record(3, {"a/loss": 30.0})
    assert [row["a/loss"] for row in resumed.rows] == [1.0, 2.0, 30.0]
    assert resumed.seconds >= 5.0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e12])
def test_an_unusable_loss_is_a_divergence(value):
    with pytest.raises(DivergenceError, match=r"loss term a/loss is .* at step 3"):
        History(4, 8).record(3, {"b/loss": 0.0, "a/loss": value})


def test_an_empty_history_can_be_written(tmp_path):
    History(0, 8).save(tmp_path / "history.parquet")
    assert len(pd.read_parquet(tmp_path / "history.parquet")) == 0
