"""What `harness run` shows while it works: a live table on a terminal, plain lines elsewhere."""

import os
from collections.abc import Sequence
from contextlib import suppress
from threading import Event, Thread
from time import monotonic
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from harness.plugins.hookspecs import hookimpl
from harness.results.result import Outcome, Result
from harness.suite.trial import Trial, by_training
from harness.training.events import Progress

LINE_SECONDS = 15.0
"""Time between two plain lines about the same trial."""


STOPPING = "Stopping: running trials save their state..."


class Display:
    """Listens to the observing hooks and shows a run.

    Args:
        console: where to.
        total: trials of the run, those that were done before it began included.
        how: where and by what they are trained, in words.
    """

    def __init__(self, console: Console, total: int, how: str) -> None:
        self.console = console
        self.total = total
        self.pending = 0
        """Trials that the run has to do, those among them that are done again counted again."""
        self.how = how
        self.done = 0
        self.failed = 0
        self.running: dict[str, _Running] = {}
        self._counted: set[str] = set()
        """Which of the pending trials have not ended yet."""
        self.comparison: _Running | None = None
        self.stopping = False
        self._began = monotonic()
        self._work: dict[str, int] = {}
        """How many images each trial is trained on, less those of an earlier state of its training."""
        self._all_work = 0
        self._done_work = 0
        self._before = 0.0
        """How much of the work was done by earlier runs, of trials that go on from a checkpoint."""
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=4, transient=True)
        self._ended = Event()
        self._speaking = Thread(target=self._speak, daemon=True)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        else:
            with suppress(RuntimeError):  # Where there are too many threads, lines come only when a trial ends.
                self._speaking.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self.console.is_terminal:
            self._live.stop()
        else:
            self._ended.set()
            if self._speaking.ident:
                self._speaking.join()

    def stop(self) -> None:
        """Show that the run is being stopped; the handler of a signal may call it."""
        self.stopping = True
        if not self.console.is_terminal:
            with suppress(OSError):
                os.write(2, f"\n{STOPPING}\n".encode())

    @hookimpl
    def harness_suite_started(self, trials: list[Trial]) -> None:
        """Say how much there is to do."""
        self._count(trials)
        if trials:
            self.console.print(f"{len(trials)} of {self.total} trials to do, {self.how}", markup=False)

    @hookimpl
    def harness_trials_chosen(self, trials: list[Trial]) -> None:
        """Count the trials that were chosen to be trained further, and say how many they are."""
        self._count(trials)
        self.total += len(trials)
        self.comparison = None
        self._say(f"{len(trials)} more trials to do, chosen by {trials[0].chosen_by}")

    @hookimpl
    def harness_trial_started(self, trial: Trial) -> None:
        """Show that the trial runs, which was done already if what it had left is damaged."""
        if trial.id not in self._counted:
            self._count([trial])
        self.running[trial.id] = _Running(trial.title)

    @hookimpl
    def harness_trial_progress(self, trial: Trial, progress: Progress) -> None:
        """Show where the trial is."""
        running = self.running.setdefault(trial.id, _Running(trial.title))
        new = running.progress is None
        running.move(progress)
        if new and progress.images_per_second is None:
            self._before += self._done_of(trial.id, running)

    @hookimpl
    def harness_trial_note(self, trial: Trial, text: str) -> None:
        """Say what people should know of the trial."""
        self._say(f"{trial.title}: {text}")

    @hookimpl
    def harness_trial_finished(self, trial: Trial, result: Result) -> None:
        """Say how the trial ended."""
        self.running.pop(trial.id, None)
        self._counted.discard(trial.id)
        self.done += 1
        self._done_work += self._work.get(trial.id, 0)
        self.failed += bool(result.failures)
        if result.outcome is Outcome.FINISHED:
            scores = ", ".join(f"{s.metric} {s.score:.3f}" for s in result.scores if s.score is not None)
            self._say(f"{trial.title}: {scores or 'done'}")
        for failure in result.failures:
            self._say(f"{trial.title}: {failure}")

    @hookimpl
    def harness_comparison_progress(self, progress: Progress) -> None:
        """Say which selector is at work."""
        new = self.comparison is None or self.comparison.stage != progress.stage
        self.comparison = self.comparison or _Running("")
        self.comparison.move(progress)
        if new and not self.console.is_terminal:
            self.console.print(self.comparison.comparing(), markup=False)

    def _count(self, trials: Sequence[Trial]) -> None:
        self.pending += len(trials)
        self._counted |= {trial.id for trial in trials}
        work = _work(trials)
        self._work |= work
        self._all_work += sum(work.values())

    def _done_of(self, trial: str, running: "_Running") -> float:
        """How much of the work on a trial that runs is done."""
        return running.share() * self._work.get(trial, 0)

    def speak(self) -> None:
        """Say a line about everything of which none was said for a while."""
        for running in list(self.running.values()):
            if running.progress and running.due():
                self._say(f"{running.title}: {running.line()}{self._suite_left()}")
        if self.comparison and self.comparison.due():
            self.console.print(f"{self.comparison.comparing()}, {self.comparison.time()}", markup=False)

    def _speak(self) -> None:
        while not self._ended.wait(1.0):
            self.speak()

    def _say(self, text: str) -> None:
        self.console.print(f"[{self.done}/{self.pending}] {text}", markup=False)

    def _suite_left(self) -> str:
        """The time that all trials of the run may still take, in words, once something is known about it."""
        elapsed = monotonic() - self._began
        running = dict(self.running)
        trained = self._done_work + sum(self._done_of(*each) for each in running.items())
        share = (trained - self._before) / max(1e-9, self._all_work - self._before)
        if elapsed < LINE_SECONDS or not 0 < share < 1:
            return ""
        longest = max((each.progress.seconds_left or 0 for each in running.values() if each.progress), default=0)
        return f"; about {_duration(max(longest, elapsed * (1 - share) / share))} left in all"

    def _render(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in ("running", "step", "images/s", "left", "loss"):
            table.add_column(heading, justify="left" if heading in ("running", "loss") else "right")
        for running in list(self.running.values()):
            table.add_row(running.title, *(running.cells() if running.progress else ()))
        waiting = self.pending - self.done - len(self.running)
        failed = f", {self.failed} failed" if self.failed else ""
        counts = f"{self.done} done{failed}, {len(self.running)} running, {waiting} waiting{self._suite_left()}"
        compared = f"{self.comparison.comparing()}, {self.comparison.time()}" if self.comparison else ""
        table.caption = "\n".join([compared or counts, *([STOPPING] if self.stopping else [])])
        table.caption_justify = "left"
        return table


def _work(trials: Sequence[Trial]) -> dict[str, int]:
    """How many images each trial is trained on, less those of an earlier state of its training; 1 for none."""
    work = {}
    for states in by_training(trials):
        before = 0
        for state in states:
            work[state.id] = max(1, state.training.images - before)
            before = state.training.images
    return work


class _Running:
    """A trial or a comparison at work, and since when it is at its stage."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.progress: Progress | None = None
        self.stage = ""
        self.since = self.spoken = monotonic()

    def move(self, progress: Progress) -> None:
        """Note where it is."""
        if progress.stage != self.stage:
            self.stage, self.since = progress.stage, monotonic()
        self.progress = progress

    def due(self) -> bool:
        """Whether it is time for a line; from now on, if so, for the next one."""
        if monotonic() - self.spoken < LINE_SECONDS:
            return False
        self.spoken = monotonic()
        return True

    def share(self) -> float:
        """How much of its training is done; scoring is not counted."""
        return self.progress.step / self.progress.steps if self.progress and self.progress.steps else 0.0

    def time(self) -> str:
        """How long it has been at its stage, and how long that may still take."""
        elapsed = monotonic() - self.since
        share = self.progress.share if self.progress else 0.0
        left = f", about {_duration(elapsed * (1 - share) / share)} left" if share else ""
        return f"for {_duration(elapsed)}{left}"

    def line(self) -> str:
        """What a plain line says of it: step, speed and time left, or what it is scored by."""
        assert self.progress
        if self.progress.stage != "training":
            return f"scoring {self.progress.stage}, {self.time()}"
        position, speed, left, _ = self.cells()
        return f"step {position}, {speed} images/s, {left} left"

    def comparing(self) -> str:
        """Say which selector compares, and which of how many it is."""
        assert self.progress
        return f"{self.progress.stage} compares the models ({self.progress.step + 1} of {self.progress.steps})"

    def cells(self) -> tuple[str, str, str, str]:
        """Position, speed, time left and losses."""
        progress = self.progress
        assert progress
        speed = f"{progress.images_per_second:,.0f}" if progress.images_per_second else "-"
        losses = "  ".join(
            f"{name.rpartition('/')[2]} {value:.3g}" for name, value in list(progress.losses.items())[:4]
        )
        if progress.stage != "training":
            return f"scoring {progress.stage}", speed, self.time(), losses
        left = "-" if progress.seconds_left is None else _duration(progress.seconds_left)
        return f"{progress.step:,}/{progress.steps:,}", speed, left, losses


def _duration(seconds: float) -> str:
    """Seconds as minutes:seconds, or hours:minutes:seconds."""
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole:02}" if hours else f"{minutes}:{whole:02}"
