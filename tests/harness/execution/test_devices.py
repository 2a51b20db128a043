import os
import subprocess
import sys

import joblib
import pytest

from harness import UserError
from harness.execution import devices
from harness.execution.devices import Slots, find_slots, reserve_gpu
from harness.execution.process import environment


def test_a_trial_has_one_thread_however_many_run_and_are_left():
    cores = joblib.cpu_count()
    for jobs in range(1, cores + 1):
        assert find_slots("cpu", jobs, trials=100) == Slots(jobs, 1)
    assert find_slots("cpu", None, trials=100) == Slots(cores, 1)
    assert find_slots("cpu", None, trials=1) == Slots(1, 1)


@pytest.fixture
def three_gpus(monkeypatch):
    """A machine on which torch counts three GPUs."""
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_one_trial_runs_on_each_gpu(three_gpus):
    assert find_slots("auto", None, trials=100).gpus == ("0", "1", "2")
    assert find_slots("auto", None, trials=100).count == 3
    assert find_slots("cuda:2,0", None, trials=100).gpus == ("2", "0")
    assert find_slots("cpu", None, trials=1).gpus == ()


def test_an_inherited_list_of_gpus_is_respected(three_gpus, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-abc,7")
    assert find_slots("auto", None, trials=5).gpus == ("4", "GPU-abc", "7")
    assert find_slots("cuda:1", None, trials=5).gpus == ("GPU-abc",)


@pytest.mark.parametrize("device", ["cuda:3", "cuda:x", "gpu", "cuda:0,"])
def test_a_device_that_does_not_exist_is_the_users_mistake(three_gpus, device):
    with pytest.raises(UserError, match=f"--device {device}"):
        find_slots(device, None, trials=5)


def test_an_apple_gpu_is_used_by_one_trial_at_a_time_where_torch_has_one(monkeypatch):
    import torch

    with pytest.raises(UserError, match="--device mps: torch has no Apple GPU here"):
        find_slots("mps", None, trials=5)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    slots = find_slots("mps", None, trials=5)
    assert (slots.count, slots.gpus, str(slots)) == (1, (), "1 at a time on the Apple GPU")
    with slots.reserve() as placement:
        assert (placement.device, placement.gpu) == ("mps", "")
        assert environment(placement)["PYTORCH_ENABLE_MPS_FALLBACK"] == "1"


def test_a_gpu_is_held_by_one_at_a_time(monkeypatch, tmp_path):
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
    with reserve_gpu(("0", "1")) as first, reserve_gpu(("0", "1")) as second:
        assert {first, second} == {"0", "1"}
    with reserve_gpu(("0",)) as again:
        assert again == "0"


def test_a_folder_of_locks_that_somebody_else_has_made_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    (tmp_path / f"harness-gpus-{os.getuid()}").symlink_to(tmp_path)
    with pytest.raises(UserError, match="belongs to somebody else"), reserve_gpu(("0",)):
        pass


def test_the_kernel_frees_a_gpu_whose_holder_is_killed(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(devices.tempfile, "tempdir", None)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import time\nfrom harness.execution.devices import reserve_gpu\n"
            "with reserve_gpu(('0',)): print('held', flush=True); time.sleep(600)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    with reserve_gpu(("0", "1")) as other:
        assert other == "1"
    holder.kill()
    holder.communicate()
    with reserve_gpu(("0",)) as freed:
        assert freed == "0"


def test_several_trials_share_a_gpu_when_told_to(three_gpus, monkeypatch, tmp_path):
    slots = find_slots("cuda:0,2", None, trials=100, per_gpu=2)
    assert (slots.count, slots.gpus, slots.per_gpu) == (4, ("0", "2"), 2)
    assert find_slots("cuda:0,2", 3, trials=100, per_gpu=2).count == 3
    assert find_slots("cuda:0,2", 9, trials=100, per_gpu=2).count == 4
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
    with reserve_gpu(("0", "2"), 2) as first, reserve_gpu(("0", "2"), 2) as second:
        assert {first, second} == {"0", "2"}, "a GPU that is free comes before a share of one that is not"
        with reserve_gpu(("0", "2"), 2) as third, reserve_gpu(("0", "2"), 2) as fourth:
            assert {third, fourth} == {"0", "2"}


def test_jobs_of_slurm_whose_gpus_are_numbered_alike_do_not_wait_for_each_other(monkeypatch, tmp_path):
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    with reserve_gpu(("0",)) as first:
        monkeypatch.setenv("SLURM_JOB_ID", "2")
        with reserve_gpu(("0",)) as second:
            assert (first, second) == ("0", "0")


def test_threads_decide_how_many_fit():
    cores = joblib.cpu_count()
    for threads in range(1, cores + 1):
        assert find_slots("cpu", None, trials=100, threads=threads) == Slots(cores // threads, threads)
    assert find_slots("cpu", 1, trials=100, threads=1) == Slots(1, 1)
    with pytest.raises(UserError, match=f"more than the {cores} cores"):
        find_slots("cpu", 2, trials=100, threads=cores)
