"""Suites on a real Ray cluster of several nodes, all on this machine."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from harness import UserError
from harness.execution.protocol import Placement, TrialJob
from harness.execution.ray_cluster import ClusterExecutor
from harness.execution.ray_connection import Cluster, connect
from harness.execution.ray_task import placement
from harness.results.folder import ResultsFolder
from harness.suite.suite import load_suite
from support import TOY, bars_suite, score_values, wait_for

MEMORY = 80 * 2**20

SUITE = bars_suite(steps=30, model="config.pause = 0.0", metrics=["spread", "error"], selectors=["alike"])

HALVING = """
sweep.noise = [0.1, 0.3]
halving = { at = [10], keep = 0.5, aim = "error" }
"""


@pytest.fixture(scope="module")
def cluster():
    """A head and a node with a GPU that only Ray believes in."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "num_gpus": 0, "object_store_memory": MEMORY}
    )
    cluster.add_node(num_cpus=1, num_gpus=1, object_store_memory=MEMORY)
    yield cluster
    cluster.shutdown()


@pytest.fixture
def connected(cluster):
    """This process as a part of the cluster."""
    import ray

    ray.init(cluster.address, log_to_driver=False)
    yield cluster
    ray.shutdown()


def test_a_suite_with_a_search_scores_as_on_one_machine(cluster, command, run_process, suite_file, tmp_path, results):
    path = suite_file(SUITE.replace("seeds = 2", "seeds = 1").replace("config.pause = 0.0", HALVING))
    there = ["--output", tmp_path / "there", "--ray", cluster.address, "--device", "cpu"]
    run = run_process("run", path, "--plugin", TOY, *there)
    assert run.returncode == 0, run.stderr
    assert "2 of 2 trials to do, as many as fit at a time on a Ray cluster, 1 CPU(s) each" in run.stdout
    assert "alike" in run.stdout
    here = command("run", path, "--plugin", TOY, "--output", "here", "--jobs", 1, "--threads", 1)
    assert here.returncode == 0, here.stderr
    assert "goes on from step 10" in run.stdout + run.stderr
    found = results(tmp_path / "there")
    assert len(found) == 3
    assert score_values(found) == score_values(results(tmp_path / "here"))
    assert {result["outcome"] for result in found.values()} == {"finished"}
    chosen = [pd.read_parquet(tmp_path / place / "selections.parquet")["trial"].tolist() for place in ("there", "here")]
    assert chosen[0] == chosen[1]


def test_trials_get_the_gpu_that_ray_gives_them_and_wait_for_it(connected, suite_file, tmp_path, registry):
    import ray

    share = Cluster("cuda", 1, gpus=0.5)
    task = ray.remote(num_gpus=share.gpus)(placement)
    assert ray.get([task.remote(share), task.remote(share)]) == [Placement("cuda", 1, "0")] * 2
    with pytest.raises(UserError, match=r"--device cuda:0: with --ray choose from auto, cpu, cuda"):
        connect(connected.address, "cuda:0", None)

    suite = load_suite(suite_file(SUITE), registry)
    folder = ResultsFolder(tmp_path / "out")
    folder.write_suite(suite)
    jobs = [TrialJob([t], str(folder.path), suite.metrics, 0, [str(TOY)], ["harness_linear"]) for t in suite.trials]
    begun, ended = [], []

    def started(trial):
        # There is one GPU, so what began before has its result.
        assert all(folder.trial(name).result for name in begun)
        begun.append(trial.id)

    held = ClusterExecutor(Cluster("cpu", 1, gpus=1.0)).run_trials(
        jobs, started, lambda trial, progress: None, lambda trial, result: ended.append(result.outcome)
    )
    assert (held, len(begun), ended) == ([], 2, ["finished"] * 2)


def test_what_cannot_be_had_is_the_users_mistake(monkeypatch):
    with pytest.raises(UserError, match=r"--ray 127\.0\.0\.1:1: nothing answers there"):
        connect("127.0.0.1:1", "auto", None)
    with pytest.raises(UserError, match="choose HOST:PORT of the cluster's head, auto or local"):
        connect("somewhere", "auto", None)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install '\.\[ray\]'"):
        connect("auto", "auto", None)


def test_what_no_node_has_is_refused_at_once(cluster):
    import ray

    try:
        with pytest.raises(UserError, match=r"no node of the cluster has 7 CPU\(s\) and 0 GPU\(s\)"):
            connect(cluster.address, "cpu", None, threads=7)
    finally:
        ray.shutdown()


def start(cluster, path, folder):
    arguments = ["run", path, "--plugin", TOY, "--output", folder, "--ray", cluster.address, "--device", "cpu"]
    run = subprocess.Popen(
        [sys.executable, "-m", "harness", *arguments, "--checkpoint-seconds", "0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONSAFEPATH": "1"},
    )
    wait_for(
        lambda: len(list(folder.glob("trials/*/checkpoint.safetensors"))) == 2 or run.poll() is not None, seconds=120
    )
    return run


def minders():
    """The processes of Ray that mind worker processes of the harness."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"harness.execution.worker.main" in (process / "cmdline").read_bytes():
                parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
                if b"ray::" in Path(f"/proc/{parent}/cmdline").read_bytes():
                    found.add(parent)
        except OSError:  # It has just ended.
            continue
    return found


LONG = SUITE.replace("pause = 0.0", "pause = 0.1").replace("steps = 30", "steps = 100")


@pytest.fixture
def straight(command, suite_file, tmp_path, results):
    """The suite, and the scores of an undisturbed run on one machine."""
    path = suite_file(LONG)
    run = command("run", path, "--plugin", TOY, "--output", "straight", "--threads", 1)
    assert run.returncode == 0, run.stderr
    return path, score_values(results(tmp_path / "straight"))


def finished_well(run, folder, results, expected):
    output, _ = run.communicate(timeout=200)
    assert run.returncode == 0, output
    assert score_values(results(folder)) == expected
    for file in folder.glob("trials/*/history.parquet"):
        assert pd.read_parquet(file)["step"].tolist() == list(range(1, 101))


@pytest.mark.slow
def test_a_trial_whose_ray_process_is_killed_is_tried_again_and_continues(cluster, straight, tmp_path, results):
    path, expected = straight
    run = start(cluster, path, tmp_path / "out")
    killed = minders()
    assert killed
    for process in killed:
        os.kill(process, signal.SIGKILL)
    finished_well(run, tmp_path / "out", results, expected)


@pytest.mark.slow
def test_when_a_node_is_lost_its_trials_are_done_elsewhere(cluster, straight, tmp_path, results):
    path, expected = straight
    for node in cluster.worker_nodes.copy():
        cluster.remove_node(node)
    node = cluster.add_node(num_cpus=1, object_store_memory=MEMORY)
    run = start(cluster, path, tmp_path / "out")
    cluster.remove_node(node, allow_graceful=False)
    finished_well(run, tmp_path / "out", results, expected)
    cluster.add_node(num_cpus=1, num_gpus=1, object_store_memory=MEMORY)


@pytest.mark.slow
def test_ctrl_c_stops_politely(cluster, straight, command, tmp_path, results):
    path, expected = straight
    run = start(cluster, path, tmp_path / "out")
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 130, output
    assert "2 of 2 trials are left. The same command continues." in output
    assert "Traceback" not in output
    assert set(results(tmp_path / "out").values()) == {None}
    again = start(cluster, path, tmp_path / "out")
    finished_well(again, tmp_path / "out", results, expected)
