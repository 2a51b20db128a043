"""The plan of a run: which trials are trained together, by which engine, and where."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.execution.devices import Slots, find_slots, free_memory
from harness.execution.engine_choice import require_gpu, settle_engine
from harness.execution.patience import PATIENCE_SECONDS
from harness.execution.protocol import CHECKPOINT_SECONDS
from harness.execution.ray_connection import Cluster, connect
from harness.execution.schedule import shard
from harness.plugins.manager import PluginManager
from harness.suite.suite import Suite
from harness.suite.trial import Trial, by_training


@dataclass(frozen=True)
class RunOptions:
    """What a user may ask of a run; the options of `harness run` have the same names and meanings.

    Attributes:
        device: "auto" (GPUs if there are any), "cpu", "cuda", "cuda:0,1" or "mps".
        jobs: trials, or fleets, side by side; None for as many as there are cores or GPUs.
        threads: CPU threads of each; None for one.
        trials_per_gpu: trials, or fleets, that share a GPU.
        ray: address of a Ray cluster to run on; None for this machine.
        shard: (I, N) to do the I-th of N parts, from 1; None to do all.
        engine: "auto" (a recorded fleet on GPUs, else eager), "eager", "compiled", "graph" or "fleet".
        fleet: most trials of a fleet; None for what fits on a GPU, else a default.
        timeout: seconds that one trial may take in this run; None for no limit.
        checkpoint_seconds: time between two checkpoints of a trial.
        drop_checkpoints: whether trained models do not keep their last, from which a trial of more steps would go on.
        pictures: whether pictures of trained models are drawn for observers, see the hook `harness_trial_pictures`.
        fresh: whether what there is of the trials is deleted first.
        retry_failed: whether what failed before is tried again.
        patience: seconds that storage is waited for when it is full or out of reach.
    """

    device: str = "auto"
    jobs: int | None = None
    threads: int | None = None
    trials_per_gpu: int = 1
    ray: str | None = None
    shard: tuple[int, int] | None = None
    engine: str = "auto"
    fleet: int | None = None
    timeout: float | None = None
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    drop_checkpoints: bool = False
    pictures: bool = False
    fresh: bool = False
    retry_failed: bool = False
    patience: float = PATIENCE_SECONDS


@dataclass(frozen=True)
class Plan:
    """What a run does, and where.

    Attributes:
        fleets: the trials of this run, those together that are trained together.
        engine: what trains them: "eager", "compiled" or "graph".
        slots: how many fleets run side by side, on this machine or on a Ray cluster.
    """

    fleets: Sequence[Sequence[Trial]]
    engine: str
    slots: Slots | Cluster

    def __str__(self) -> str:
        most = max((len(by_training(fleet)) for fleet in self.fleets), default=1)
        return f"{self.slots}, {self.engine} engine" + (f", up to {most} trained together" if most > 1 else "")

    @property
    def trials(self) -> Sequence[Trial]:
        """All trials of this run."""
        return [trial for fleet in self.fleets for trial in fleet]

    def of(self, suite: Suite, manager: PluginManager, options: RunOptions) -> "Plan":
        """The plan of a suite with other trials, in the same place and by the same engine."""
        return replace(self, fleets=_fleets(suite, manager, options)[0])


def plan_run(suite: Suite, manager: PluginManager, options: RunOptions) -> Plan:
    """Decide how a suite is run; with `options.ray` this connects to the cluster.

    Fleets do not depend on what is done already, so that a resumed fleet computes what it would have.

    Raises:
        UserError: there is no such device or cluster, or the options do not go together.
    """
    fleets, engine = _fleets(suite, manager, options)
    slots = _slots(options, len(fleets))
    if not slots.gpus:
        require_gpu(engine, max((len(by_training(fleet)) for fleet in fleets), default=0))
    return Plan(fleets, engine, slots)


def _fleets(suite: Suite, manager: PluginManager, options: RunOptions) -> tuple[list[list[Trial]], str]:
    """The fleets of a run and their engine.

    When a search has chosen trials, every shard sees to all that are left: whoever comes first does them.
    """
    from harness.execution.fleets import form_fleets, most_that_fit  # torch, which looking at results does without.

    gpus = 0 if options.ray else len(set(find_slots(options.device, options.jobs, 1).gpus))
    engine, size = settle_engine(options.engine, options.fleet, gpus=gpus, trials=len(suite.trials))
    memory = _memory(options)

    def fitting(trial: Trial) -> int:
        fit = most_that_fit(trial, manager.registry, memory) if memory else size
        return min(fit, size) if options.engine == "auto" else fit

    fleets = form_fleets(suite.trials, manager.registry, fitting if memory else size)
    if options.shard is not None and not any(trial.chosen_by for trial in suite.trials):
        fleets = shard(fleets, *options.shard)
    return fleets, engine


def _memory(options: RunOptions) -> int | None:
    """Bytes of GPU memory that decide the size of fleets, None if something else does.

    Shards, and the nodes of a cluster, must agree on the fleets, whatever memory each has.
    """
    if options.engine not in ("auto", "fleet") or options.fleet or options.shard or options.ray:
        return None
    return free_memory(find_slots(options.device, options.jobs, 1, per_gpu=options.trials_per_gpu))


def _slots(options: RunOptions, fleets: int) -> Slots | Cluster:
    if options.ray:
        return connect(
            options.ray, options.device, options.jobs, threads=options.threads, per_gpu=options.trials_per_gpu
        )
    return find_slots(options.device, options.jobs, fleets, threads=options.threads, per_gpu=options.trials_per_gpu)
