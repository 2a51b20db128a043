"""`harness bench`: how fast training is on this machine."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from harness.cli.console import console
from harness.cli.options import plugin_option, require_gpu_if, settings_of
from harness.cli.terminal import echo

if TYPE_CHECKING:
    import torch

    from harness.benchmark.measure import Case
    from harness.registry import Registry


@click.command()
@click.option("--model", default="infogan-cr", show_default=True, help="A registered model.")
@click.option("--config", multiple=True, metavar="NAME=VALUE", help="A setting of the model (may be given again).")
@click.option("--dataset", default="sprites", show_default=True, help="A registered dataset.")
@click.option("--dataset-config", multiple=True, metavar="NAME=VALUE", help="A setting of the dataset.")
@click.option(
    "--engine",
    "engines",
    multiple=True,
    type=click.Choice(["auto", "eager", "compiled", "graph", "fleet"]),
    help="Who trains, as in `harness run` (may be given again) [default: auto; with --standard on a GPU all "
    "of them, and fleets of 2 to 32].",
)
@click.option("--batch", type=click.IntRange(min=1), default=64, show_default=True, help="Images per batch.")
@click.option(
    "--fleet",
    "fleets",
    multiple=True,
    type=click.IntRange(min=1),
    help="Models trained as one (may be given again) [default: 1, or 8 by the engine fleet].",
)
@click.option("--precision", type=click.Choice(["float32", "tf32", "bfloat16"]), default="float32", show_default=True)
@click.option(
    "--steps", type=click.IntRange(min=5), default=50, show_default=True, help="Steps that are timed, at most."
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads [default: torch's own choice].")
@click.option("--standard", is_flag=True, help="Measure the standard set, and the time to a FactorVAE score of 0.7.")
@click.option(
    "--limit", type=click.FloatRange(min=0), default=1800, show_default=True, help="Seconds to wait for that score."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Folder of the tables that rows are added to.",
)
@plugin_option
def command(
    model: str,
    config: tuple[str, ...],
    dataset: str,
    dataset_config: tuple[str, ...],
    engines: tuple[str, ...],
    batch: int,
    fleets: tuple[int, ...],
    precision: str,
    steps: int,
    device: str,
    threads: int | None,
    standard: bool,
    limit: float,
    output: Path,
    plugins: tuple[Path, ...],
) -> None:
    """Measure how fast a model is trained: speed, memory, energy, and how near to what the device can do.

    Beside each speed stand what a large matrix product and a large copy reach in the same process.
    """
    import torch

    from harness.benchmark.measure import Case
    from harness.benchmark.standard import GPU_WAYS, STANDARD
    from harness.execution.engine_choice import require_gpu, settle_engine
    from harness.plugins.manager import PluginManager

    if threads is not None:
        torch.set_num_threads(threads)
    place = torch.device(_device(device))
    registry = PluginManager(plugins).registry
    ways = [settle_engine(engine, fleet) for engine in engines or ["auto"] for fleet in fleets or [None]]
    if place.type == "cpu":
        for engine, fleet in ways:
            require_gpu(engine, fleet)
    if standard and place.type == "cuda" and not engines and not fleets:
        ways = list(GPU_WAYS)
    own = Case(model, dataset, batch, settings_of(config, "--config"), settings_of(dataset_config, "--dataset-config"))
    cases = [
        replace(case, engine=engine, fleet=fleet, precision=precision)
        for case in (STANDARD if standard else [own])
        for engine, fleet in ways
    ]
    rows = _measure(cases, registry, place, steps, output, tolerant=standard)
    console().print(_table(rows), "")
    if standard:
        _project(rows)
        _race(registry, place, precision, limit, output)
    echo(f"added to {output / 'benchmarks.parquet'}")


def _measure(
    cases: Sequence["Case"], registry: "Registry", place: "torch.device", steps: int, output: Path, *, tolerant: bool
) -> list[dict[str, Any]]:
    """Measure cases, and keep each as soon as it is measured; go on, if tolerant, where one does not fit."""
    from harness.benchmark.measure import measure
    from harness.training.memory import is_out_of_memory

    rows = []
    for case in cases:
        _note(f"measuring {case.model} on {case.dataset}, {case.engine}, {case.fleet} at once")
        try:
            rows.append(measure(case, registry, place, steps, _note))
        except Exception as error:  # A model may raise anything.
            if not tolerant or not is_out_of_memory(error):
                raise
            _note(f"{case.model}, {case.fleet} at once, does not fit into memory")
        else:
            _add("benchmarks", output, rows[-1])
    return rows


def _project(rows: Sequence[dict[str, Any]]) -> None:
    """Say how long a paper's study would take."""
    from harness.benchmark.standard import STUDY

    model, steps = STUDY
    if speeds := [row["model_steps_per_second"] for row in rows if row["model"] == model]:
        hours = steps / max(speeds) / 3600
        echo(f"{model}: {steps:,} steps, its paper's study on dSprites, would take {hours:,.1f} hours")


def _race(registry: "Registry", place: "torch.device", precision: str, limit: float, output: Path) -> None:
    """Train until a score is reached."""
    from harness.benchmark.standard import RACE
    from harness.benchmark.time_to_score import run_race

    race = replace(RACE, case=replace(RACE.case, precision=precision))
    found = run_race(race, registry, place, limit, _note)
    _add("times_to_score", output, found)
    reached = f"{found['seconds']:.0f} s" if found["seconds"] is not None else f"not within {limit:g} s"
    echo(f"{race.case.model}, {race.metric} {race.target}: {reached} ({found['steps']:,} steps)")


def _note(text: str) -> None:
    echo(text, err=True)


def _device(device: str) -> str:
    import torch

    require_gpu_if(device)
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"


def _add(name: str, folder: Path, row: dict[str, Any]) -> None:
    """Add a row to a table of benchmarks."""
    import pandas as pd

    from harness.results.parquet import write_table

    path = folder / f"{name}.parquet"
    before = pd.read_parquet(path).to_dict("records") if path.exists() else []
    write_table(path, name, pd.DataFrame([*before, row]))


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    speed = ("steps/s", "model steps/s", "images/s", "GFLOP/s", "of product", "GB/s", "of copy")
    headings = ("model", "images", "batch", "engine", "models", *speed, "memory", "start", "energy")
    for number, heading in enumerate(headings):
        left = number in (0, 1, 3)
        table.add_column(heading, header_style="dim", justify="left" if left else "right", no_wrap=True)
    for row in rows:
        joules = row["joules_per_model_step"]
        table.add_row(
            row["model"],
            row["image"],
            str(row["batch_size"]),
            row["engine"],
            str(row["fleet"]),
            f"{row['steps_per_second']:.4g}",
            f"{row['model_steps_per_second']:.4g}",
            f"{row['images_per_second']:,.0f}",
            f"{row['flop_per_second'] / 1e9:,.0f}",
            f"{row['flop_fraction']:.0%}",
            f"{row['bytes_per_second'] / 1e9:,.1f}",
            f"{row['bytes_fraction']:.0%}",
            f"{row['peak_bytes'] / 1e9:.2f} GB",
            f"{row['start_seconds']:.1f} s",
            "-" if joules is None else f"{joules:.3g} J",
        )
    return table
