"""What `harness run` shows while it works: a live table on a terminal, plain lines elsewhere."""

from time import monotonic
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from harness.execution.devices import Slots
from harness.execution.ray_cluster import Cluster
from harness.plugins.hookspecs import hookimpl
from harness.results.result import Outcome, Result
from harness.suite.trial import Trial
from harness.training.progress import Progress

LINE_SECONDS = 15.0
"""Time between two plain lines about the same trial."""


class Display:
    """Listens to the observing hooks and shows a run.

    Args:
        console: where to.
        total: trials that the run is to do, if none were done already.
        slots: where they run.
    """

    def __init__(self, console: Console, total: int, slots: Slots | Cluster) -> None:
        self.console = console
        self.total = total
        self.pending = 0
        """Trials that were left when the run began."""
        self.slots = slots
        self.done = 0
        self.failed = 0
        self.running: dict[str, tuple[Trial, Progress | None]] = {}
        self.stage = ""
        self._spoken: dict[str, float] = {}
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self.console.is_terminal:
            self._live.stop()

    @hookimpl
    def harness_suite_started(self, trials: list[Trial]) -> None:
        """Say how much there is to do."""
        self.pending = len(trials)
        if trials:
            self.console.print(f"{len(trials)} of {self.total} trials to do, {self.slots}", markup=False)

    @hookimpl
    def harness_trial_started(self, trial: Trial) -> None:
        """Show the trial."""
        self.running[trial.id] = (trial, None)
        self._spoken[trial.id] = monotonic()

    @hookimpl
    def harness_trial_progress(self, trial: Trial, progress: Progress) -> None:
        """Show where the trial is."""
        self.running[trial.id] = (trial, progress)
        if progress.note:
            self._say(f"{trial.title}: {progress.note}")
        if not self.console.is_terminal and monotonic() - self._spoken.get(trial.id, 0.0) >= LINE_SECONDS:
            self._spoken[trial.id] = monotonic()
            self._say(f"{trial.title}: {_line(progress)}")

    @hookimpl
    def harness_trial_finished(self, trial: Trial, result: Result) -> None:
        """Say how the trial ended."""
        self.running.pop(trial.id, None)
        self.done += 1
        self.failed += bool(result.failures)
        if result.outcome is Outcome.FINISHED:
            scores = ", ".join(f"{s.metric} {s.score:.3f}" for s in result.scores if s.score is not None)
            self._say(f"{trial.title}: {scores or 'done'}")
        for failure in result.failures:
            self._say(f"{trial.title}: {failure}")

    @hookimpl
    def harness_comparison_progress(self, progress: Progress) -> None:
        """Say which selector is at work."""
        self.stage = f"{progress.stage} compares the models ({progress.step + 1} of {progress.steps})"
        if not self.console.is_terminal:
            self.console.print(self.stage, markup=False)

    def _say(self, text: str) -> None:
        self.console.print(f"[{self.done}/{self.pending}] {text}", markup=False)

    def _render(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in ("running", "step", "images/s", "left", "loss"):
            table.add_column(heading, justify="left" if heading in ("running", "loss") else "right")
        for trial, progress in list(self.running.values()):
            cells = (_position(progress), _speed(progress), _left(progress), _losses(progress)) if progress else ()
            table.add_row(trial.title, *cells)
        waiting = self.pending - self.done - len(self.running)
        failed = f", {self.failed} failed" if self.failed else ""
        table.caption = self.stage or f"{self.done} done{failed}, {len(self.running)} running, {waiting} waiting"
        table.caption_justify = "left"
        return table


def _line(progress: Progress) -> str:
    if progress.stage != "training":
        return _position(progress)
    return f"step {_position(progress)}, {_speed(progress)} images/s, {_left(progress)} left"


def _position(progress: Progress) -> str:
    return f"{progress.step:,}/{progress.steps:,}" if progress.stage == "training" else f"scoring {progress.stage}"


def _speed(progress: Progress) -> str:
    return f"{progress.images_per_second:,.0f}" if progress.images_per_second else "-"


def _left(progress: Progress) -> str:
    if progress.seconds_left is None:
        return "-"
    minutes, seconds = divmod(round(progress.seconds_left), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _losses(progress: Progress) -> str:
    return "  ".join(f"{name.rpartition('/')[2]} {value:.3g}" for name, value in list(progress.losses.items())[:4])
