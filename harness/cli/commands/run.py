"""`harness run`: the main job."""

import logging
import math
import shlex
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from harness.cli.completers import complete_suite
from harness.cli.options import data_option, download_option, forbid_download, plugin_option, trust_option
from harness.cli.streams import dispensable_streams
from harness.cli.terminal import echo
from harness.storage.location import location

if TYPE_CHECKING:
    from harness.cli.display import Display
    from harness.execution.plan import RunOptions
    from harness.execution.study import RunSummary, Study
    from harness.results.folder import ResultsFolder
    from harness.suite.suite import Suite

    Inapplicable = Mapping[str, Mapping[str, list[str]]]

logger = logging.getLogger(__name__)


def _shard(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    """Read I/N as two numbers, such as 1/8 as (1, 8)."""
    if text is None:
        return None
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise click.BadParameter(f"{text!r} is not I/N with I from 1 to N, such as 1/8")
    return int(number), int(count)


def _finite(context: click.Context, parameter: click.Parameter, seconds: float | None) -> float | None:
    """Refuse infinities and "nan", which click takes for numbers of seconds."""
    if seconds is not None and not math.isfinite(seconds):
        raise click.BadParameter(f"{seconds} is not a finite number")
    return seconds


@click.command()
@click.argument("suite", type=click.Path(path_type=Path), shell_complete=complete_suite)
@click.option("--jobs", type=click.IntRange(min=1), help="Trials, or fleets, side by side [default: cores, or GPUs].")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads of each [default: 1].")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:0,1 or mps.")
@click.option(
    "--trials-per-gpu",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Trials, or fleets, that share a GPU.",
)
@click.option("--ray", metavar="ADDRESS", help="Run on the Ray cluster there: HOST:PORT, auto or local.")
@click.option("--shard", metavar="I/N", callback=_shard, help="Do the I-th of N parts; others do the others.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "eager", "compiled", "graph", "fleet"]),
    default="auto",
    show_default=True,
    help="Who trains: plain PyTorch, torch.compile, CUDA graphs, or alike trials stacked into one program.",
)
@click.option(
    "--fleet", type=click.IntRange(min=1), help="Trials of a fleet, at most [default: what fits on a GPU, else 8]."
)
@click.option("--output", type=location, help="Results folder, or its URL (s3://...) [default: results/NAME OF SUITE].")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a key: training.steps=100.")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), callback=_finite, help="Seconds that one trial may take."
)
@click.option(
    "--checkpoint-seconds",
    type=click.FloatRange(min=0),
    callback=_finite,
    default=30,
    show_default=True,
    help="Time between checkpoints of a trial.",
)
@click.option("--drop-checkpoints", is_flag=True, help="Keep none of trained models for trials of more steps.")
@click.option("--pictures", is_flag=True, help="Draw samples and traversals of trained models for trackers.")
@data_option
@download_option
@trust_option
@click.option("--fresh", is_flag=True, help="Delete what there is of this suite's trials first.")
@click.option("--retry-failed", is_flag=True, help="Try again what failed before.")
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    callback=_finite,
    default=120,
    show_default=True,
    help="Seconds to wait for a full disk or a store out of reach.",
)
@click.option("--dry-run", is_flag=True, help="Print the trials and their number; do nothing.")
@click.option(
    "--difference",
    type=click.FloatRange(min=0, min_open=True),
    callback=_finite,
    default=0.05,
    show_default=True,
    help="Of scores: with --dry-run and earlier results, how many seeds would show one of this size.",
)
@plugin_option
@dispensable_streams()
def command(
    suite: Path,
    output: Path | None,
    overrides: tuple[str, ...],
    dry_run: bool,
    difference: float,
    plugins: tuple[Path, ...],
    **options: Any,
) -> int:
    """Do all that is left of SUITE, a TOML file: train its trials, score them, let selectors choose.

    Nothing is done twice: an interrupted run continues where it stopped. Exit code 1 if a trial failed.
    """
    from harness.cli.console import console
    from harness.cli.display import Display
    from harness.execution.plan import RunOptions, plan_run
    from harness.execution.search import search_state
    from harness.execution.study import Study
    from harness.plugins.manager import PluginManager
    from harness.results.folder import ResultsFolder
    from harness.scoring.applicability import inapplicable, never_scored
    from harness.suite.data_elsewhere import data_elsewhere_notes
    from harness.suite.schedules import schedule_notes
    from harness.suite.suite import load_suite
    from harness.suite.undeclared_files import undeclared_file_notes

    if dry_run:
        forbid_download()
    asked = RunOptions(**options)
    manager = PluginManager(plugins)
    loaded = load_suite(suite, manager.registry, overrides)
    folder = ResultsFolder(output or Path("results") / loaded.name)
    again = asked.retry_failed or asked.fresh
    checked = search_state(loaded, folder, manager.registry, retry_failed=again).suite
    files = [*undeclared_file_notes(checked), *data_elsewhere_notes(checked, suite.parent)]
    for note in [*schedule_notes(checked, manager.registry), *files]:
        logger.warning("warning: %s", note)
    if dry_run:
        _print_plan(checked, folder, asked, inapplicable(checked, manager.registry), difference)
        return 0
    for note in never_scored(checked, manager.registry):
        logger.warning("warning: %s", note)
    plan = plan_run(checked, manager, asked)
    study = Study(checked, folder.path, manager, plan, asked)
    display = Display(console(), len(plan.trials), str(plan))
    manager.pluggy.register(display)
    with _stopping_politely(study, display) as interrupted, display:
        summary = study.run()
    return _stopped(summary, interrupted[0]) if interrupted else _finished(summary, display, asked, plugins)


def _stopped(summary: "RunSummary", signum: int) -> int:
    """Say what is left; returns the exit code."""
    left = len(summary.pending)
    echo(f"Stopped; {left} of {len(summary.trials)} trials are left. The same command continues.", err=True)
    return 128 + signum


def _finished(summary: "RunSummary", display: "Display", asked: "RunOptions", plugins: tuple[Path, ...]) -> int:
    """The tables, what to do next and what went wrong; returns the exit code."""
    if not display.pending:
        echo(f"All {len(summary.trials)} trials are done already; nothing to do.\n")
    _print_tables(summary)
    echo(f"Results are in {summary.folder.path}. Next, the same table and the rest as a page with pictures:\n")
    named = "".join(f" --plugin {shlex.quote(str(file))}" for file in plugins)
    place = shlex.quote(str(summary.folder.path))
    echo(f"  harness leaderboard {place}{named}\n  harness report {place}{named}\n")
    code = _print_failures(summary)
    if asked.shard and (left := len(summary.status.pending)):
        echo(f"{left} of the suite's {len(summary.status.suite.trials)} trials are left to other shards.")
    return code


def _print_tables(summary: "RunSummary") -> None:
    """The leaderboard, and the selectors if there are some."""
    from harness.cli.result_tables import print_leaderboard, print_selections, unjudged_notes

    tables = summary.tables
    print_leaderboard(tables.leaderboard, summary.status.suite.title)
    echo()
    if len(tables.selections):
        print_selections(tables.selections, "Selectors", judgements=False)
        for note in unjudged_notes(tables.selections):
            echo(f"note: {note}", err=True)
        echo()


def _print_failures(summary: "RunSummary") -> int:
    """What failed and what is left undone, a line each; returns the exit code."""
    for line in summary.failures:
        echo(f"failed: {line}", err=True)
    for line in summary.unfinished:
        echo(f"not done: {line}", err=True)
    if summary.failures:
        echo("Tracebacks are in trials/*/result.json and log.txt there; --retry-failed tries again.", err=True)
    return 1 if summary.failures or summary.unfinished else 0


def _print_plan(
    suite: "Suite", folder: "ResultsFolder", asked: "RunOptions", inapplicable: "Inapplicable", difference: float
) -> None:
    """Every trial in a line, then their number, which metrics will have no scores, and how many seeds it would take."""
    from harness.results.status import StudyStatus
    from harness.summary.leaderboard import score_table
    from harness.summary.power import seeds_needed

    status = StudyStatus(suite, {}) if asked.fresh else StudyStatus.read(suite, folder)
    left = {trial.id for trial in status.left(retry_failed=asked.retry_failed)}
    failed = {trial.id for trial, result in status.ended if result.failures} - left
    for trial in suite.trials:
        state = "to do " if trial.id in left else "failed" if trial.id in failed else "done  "
        echo(f"{trial.id}  {state}  {trial.title}, {trial.training.steps:,} steps")
    metrics = ", ".join(metric.name for metric in suite.metrics) or "none"
    selectors = ", ".join(selector.name for selector in suite.selectors) or "none"
    retry = f", {len(failed)} failed (--retry-failed tries again)" if failed else ""
    echo(f"\nmetrics: {metrics}\nselectors: {selectors}\n{len(suite.trials)} trials, {len(left)} to do{retry}")
    for search in suite.searches:
        echo(search.outlook())
    for metric, reasons in inapplicable.items():
        for reason, models in reasons.items():
            echo(f"no {metric} of {', '.join(models)}: {reason}")
    if needed := list(seeds_needed(score_table(status), difference)):
        echo(
            f"\nby earlier results, a difference of {difference:g} between two settings is seen in 80 % of studies with"
        )
        for each in needed:
            echo(f"  {each}")


@contextmanager
def _stopping_politely(study: "Study", display: "Display") -> Iterator[list[int]]:
    """Turn Ctrl-C and SIGTERM into an orderly stop; yields a list that gets the signal's number."""
    received: list[int] = []

    def stop(signum: int, frame: FrameType | None) -> None:
        # It may interrupt anything, printing too, so it prints past Python's streams.
        received.append(signum)
        study.stop()
        display.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
