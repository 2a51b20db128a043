"""What a run says before hours have passed."""

from support import TOY

SUITE = """
seeds = 1
[dataset]
name = "bars"
[training]
steps = 2
batch_size = 16
precision = "tf32"
[[models]]
name = "linear"
[evaluation]
metrics = ["spread"]
"""


def test_a_precision_without_effect_and_another_number_of_threads_are_told(command, suite_file, results, tmp_path):
    run = command("run", suite_file(SUITE), "--plugin", TOY, "--output", "out", "--device", "cpu", "--threads", 2)
    assert run.returncode == 0, run.stderr
    assert 'training.precision = "tf32" changes nothing on a CPU' in run.stderr
    assert "CPU thread(s)" not in run.stderr
    more = suite_file(SUITE.replace("seeds = 1", "seeds = 2"), "more.toml")
    run = command("run", more, "--plugin", TOY, "--output", "out", "--device", "cpu")
    assert run.returncode == 0, run.stderr
    assert "of 1 trials done before, 1 with 2 CPU thread(s) each; this run gives each 1" in run.stderr
    assert [result["provenance"]["threads"] for result in results(tmp_path / "out").values()] == [2, 1]
    again = command("run", more, "--plugin", TOY, "--output", "out", "--device", "cpu")
    assert "note:" not in again.stderr, "nothing is left to do"
