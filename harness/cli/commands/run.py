"""`harness run`: the main job."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from harness.cli import plugin_option
from harness.cli.completers import complete_suite
from harness.storage.location import location

if TYPE_CHECKING:
    from harness.execution.study import Study
    from harness.results.folder import ResultsFolder
    from harness.suite.suite import Suite
    from harness.summary.tables import Tables


def _shard(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    """Parse I/N."""
    if text is None:
        return None
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise click.BadParameter(f"{text!r} is not I/N with I from 1 to N, such as 1/8")
    return int(number), int(count)


@click.command()
@click.argument("suite", type=click.Path(path_type=Path), shell_complete=complete_suite)
@click.option("--jobs", type=click.IntRange(min=1), help="Trials, or fleets, side by side [default: cores, or GPUs].")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads of each [default: cores / jobs, or 1 on Ray].")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:0,1.")
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
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds that one trial may take.")
@click.option(
    "--checkpoint-seconds",
    type=click.FloatRange(min=0),
    default=30,
    show_default=True,
    help="Time between checkpoints of a trial.",
)
@click.option("--data", type=click.Path(path_type=Path), help="Folder of dataset files [default: the user's own].")
@click.option("--download", is_flag=True, help="Fetch dataset files that are missing and may be fetched.")
@click.option("--fresh", is_flag=True, help="Delete what there is of this suite's trials first.")
@click.option("--retry-failed", is_flag=True, help="Try again what failed before.")
@click.option("--dry-run", is_flag=True, help="Print the trials and their number; do nothing.")
@plugin_option
def command(
    suite: Path,
    jobs: int | None,
    threads: int | None,
    device: str,
    trials_per_gpu: int,
    ray: str | None,
    shard: tuple[int, int] | None,
    engine: str,
    fleet: int | None,
    output: Path | None,
    overrides: tuple[str, ...],
    timeout: float | None,
    checkpoint_seconds: float,
    data: Path | None,
    download: bool,
    fresh: bool,
    retry_failed: bool,
    dry_run: bool,
    plugins: tuple[Path, ...],
) -> int:
    """Do all that is left of SUITE, a TOML file: train its trials, score them, let selectors choose.

    Nothing is done twice: an interrupted run continues where it stopped. Exit code 1 if a trial failed.
    """
    from harness.cli.display import Display
    from harness.cli.text_tables import console
    from harness.execution.devices import find_slots, free_memory
    from harness.execution.engine_choice import settle_engine
    from harness.execution.fleets import form_fleets, most_that_fit
    from harness.execution.ray_cluster import join
    from harness.execution.schedule import part
    from harness.execution.study import Study
    from harness.plugins.manager import PluginManager
    from harness.results.folder import ResultsFolder, tell
    from harness.suite.schedules import schedule_notes
    from harness.suite.suite import load_suite

    if data is not None:
        os.environ["HARNESS_DATA"] = str(data.resolve())
    if download:
        os.environ["HARNESS_DOWNLOAD"] = "1"
    manager = PluginManager(plugins)
    checked = load_suite(suite, manager.registry, overrides)
    folder = ResultsFolder(output or Path("results") / checked.name)
    for note in schedule_notes(checked, manager.registry):
        tell(f"warning: {note}")
    if dry_run:
        _print_plan(checked, folder, fresh)
        return 0
    chosen, size = settle_engine(engine, fleet)
    # Shards, and the nodes of a cluster, must agree on the fleets, whatever memory each has.
    alone = not (fleet or shard or ray)
    memory = free_memory(find_slots(device, jobs, 1, per_gpu=trials_per_gpu)) if engine == "fleet" and alone else None
    fitting = partial(most_that_fit, registry=manager.registry, memory=memory) if memory else size
    fleets = form_fleets(checked.trials, manager.registry, fitting)
    if shard is not None:
        fleets = part(fleets, *shard)
    slots = (
        join(ray, device, jobs, threads=threads, per_gpu=trials_per_gpu)
        if ray
        else find_slots(device, jobs, len(fleets), threads=threads, per_gpu=trials_per_gpu)
    )
    study = Study(
        checked,
        folder.path,
        manager,
        slots,
        fleets=fleets,
        engine=chosen,
        timeout=timeout,
        checkpoint_seconds=checkpoint_seconds,
    )
    if fresh:
        study.discard()
    pending = study.pending(retry_failed=retry_failed)
    display = Display(console(), len(study.trials), len(pending), study.executor.slots)
    manager.pluggy.register(display)
    with _stopping_politely(study) as interrupted, display:
        tables = study.run(retry_failed=retry_failed)
    if interrupted:
        left = len(study.pending())
        click.echo(f"Stopped; {left} of {len(study.trials)} trials are left. The same command continues.", err=True)
        return 128 + interrupted[0]
    if not pending:
        click.echo(f"All {len(study.trials)} trials are done already; nothing to do.\n")
    code = _print_results(study, tables)
    if shard and (left := len(study.standing().pending)):
        click.echo(f"{left} of the suite's {len(checked.trials)} trials are left to other shards.")
    return code


def _print_results(study: "Study", tables: "Tables") -> int:
    """The tables, where they are, and what failed; returns the exit code."""
    from harness.cli.text_tables import (
        BOARD_CAPTION,
        SELECTION_CAPTION,
        console,
        rich_table,
        wide_leaderboard,
        wide_selections,
    )
    from harness.summary.tables import failures

    suite, folder = study.suite, study.folder
    out = console()
    out.print(rich_table(wide_leaderboard(tables.leaderboard), suite.title, BOARD_CAPTION), "")
    if len(tables.selections):
        out.print(rich_table(wide_selections(tables.selections), "Selectors", SELECTION_CAPTION), "")
    click.echo(f"Results are in {folder.path}. Next, the same table and all the rest as a page with pictures:\n")
    click.echo(f"  harness leaderboard {folder.path}\n  harness report {folder.path}\n")
    failed = failures(suite, folder, study.standing())
    for line in failed:
        click.echo(f"failed: {line}", err=True)
    if failed:
        click.echo("Tracebacks are in trials/*/result.json and log.txt there; --retry-failed tries again.", err=True)
    return 1 if failed else 0


def _print_plan(suite: "Suite", folder: "ResultsFolder", fresh: bool) -> None:
    """Every trial in a line, then their number."""
    from harness.results.status import pending_trials

    left = {trial.id for trial in (suite.trials if fresh else pending_trials(suite, folder))}
    for trial in suite.trials:
        state = "to do" if trial.id in left else "done "
        click.echo(f"{trial.id}  {state}  {trial.title}, {trial.training['steps']:,} steps")
    metrics = ", ".join(metric.name for metric in suite.metrics) or "none"
    selectors = ", ".join(selector.name for selector in suite.selectors) or "none"
    click.echo(f"\nmetrics: {metrics}\nselectors: {selectors}\n{len(suite.trials)} trials, {len(left)} to do")


@contextmanager
def _stopping_politely(study: "Study") -> Iterator[list[int]]:
    """Turn Ctrl-C and SIGTERM into an orderly stop; yields a list that gets the signal's number."""
    received: list[int] = []

    def stop(signum: int, frame: FrameType | None) -> None:
        received.append(signum)
        click.echo("\nStopping: running trials save their state...", err=True)
        study.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
