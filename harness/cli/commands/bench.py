"""`harness bench`: how fast training is on this machine."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import plugin_option, require_gpu_if, settings_of
from harness.cli.terminal import echo

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from harness.benchmark.case_file import StudyTable
    from harness.benchmark.measure import Case
    from harness.benchmark.time_to_score import Race
    from harness.registry import Registry


@click.command()
@click.option("--model", help="A registered model.")
@click.option("--config", multiple=True, metavar="NAME=VALUE", help="A setting of the model (may be given again).")
@click.option("--dataset", help="A registered dataset.")
@click.option("--dataset-config", multiple=True, metavar="NAME=VALUE", help="A setting of the dataset.")
@click.option(
    "--engine",
    "engines",
    multiple=True,
    type=click.Choice(["auto", "eager", "compiled", "graph", "fleet"]),
    help="Who trains, as in `harness run` (may be given again) [default: auto; with --cases on a GPU all "
    "of them, and fleets of 2 to 64].",
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
@click.option(
    "--cases",
    "case_file",
    type=click.Path(path_type=Path),
    help="Measure what this TOML file lists, instead of a model and a dataset, and run its race to a score.",
)
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
    model: str | None,
    config: tuple[str, ...],
    dataset: str | None,
    dataset_config: tuple[str, ...],
    engines: tuple[str, ...],
    batch: int,
    fleets: tuple[int, ...],
    precision: str,
    steps: int,
    device: str,
    threads: int | None,
    case_file: Path | None,
    limit: float,
    output: Path,
    plugins: tuple[Path, ...],
) -> None:
    """Measure how fast a model is trained: speed, memory, energy, and how near to what the device can do.

    Beside each speed stand what a large matrix product and a large copy reach in the same process.
    """
    import torch

    from harness.benchmark.case_file import GPU_WAYS, read_cases
    from harness.benchmark.measure import Case, description
    from harness.benchmark.table import add_rows
    from harness.cli.table_formats import print_table
    from harness.execution.allocator import keep_freed_memory
    from harness.execution.engine_choice import require_gpu, settle_engine
    from harness.plugins.manager import PluginManager

    keep_freed_memory()
    if threads is not None:
        torch.set_num_threads(threads)
    place = torch.device(_device(device))
    registry = PluginManager(plugins).registry
    ways = [settle_engine(engine, fleet) for engine in engines or ["auto"] for fleet in fleets or [None]]
    if place.type == "cpu":
        for engine, fleet in ways:
            require_gpu(engine, fleet)
    listed = read_cases(case_file) if case_file else None
    if listed and place.type == "cuda" and not engines and not fleets:
        ways = list(GPU_WAYS)
    if listed:
        chosen: Sequence[Case] = listed.cases
    elif model and dataset:
        own = settings_of(config, "--config")
        chosen = [Case(model, dataset, batch, own, settings_of(dataset_config, "--dataset-config"))]
    else:
        raise click.UsageError("name --model and --dataset, or a file of --cases")
    cases = [
        replace(case, engine=engine, fleet=fleet, precision=precision) for case in chosen for engine, fleet in ways
    ]
    for case in cases:
        description(case, registry, place)  # What is misspelt is told before anything is measured.
    for name in ("benchmarks", "times_to_score") if listed and listed.race else ("benchmarks",):
        add_rows(output, name, [])  # So is a table that nothing can be added to.
    rows = _measure(cases, registry, place, steps, output, tolerant=listed is not None)
    print_table(_table(rows), "", keys=3)
    if listed and listed.study:
        _project(rows, listed.study)
    if listed and listed.race:
        _race(listed.race, registry, place, precision, limit, output)
    echo(f"added to {output / 'benchmarks.parquet'}")


def _measure(
    cases: Sequence["Case"], registry: "Registry", place: "torch.device", steps: int, output: Path, *, tolerant: bool
) -> list[dict[str, Any]]:
    """Measure cases, and keep each as soon as it is measured; go on, if tolerant, where one does not fit."""
    from harness.benchmark.measure import measure
    from harness.benchmark.table import add_rows
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
            add_rows(output, "benchmarks", rows[-1:])
    return rows


def _project(rows: Sequence[dict[str, Any]], study: "StudyTable") -> None:
    """Say how long a paper's study would take."""
    if speeds := [row["model_steps_per_second"] for row in rows if row["model"] == study.model]:
        hours = study.steps / max(speeds) / 3600
        echo(f"{study.model}: {study.steps:,} steps, {study.title}, would take {hours:,.1f} hours")


def _race(
    race: "Race", registry: "Registry", place: "torch.device", precision: str, limit: float, output: Path
) -> None:
    """Train until a score is reached."""
    from harness.benchmark.table import add_rows
    from harness.benchmark.time_to_score import run_race

    race = replace(race, case=replace(race.case, precision=precision))
    found = run_race(race, registry, place, limit, _note)
    add_rows(output, "times_to_score", [found])
    reached = f"{found['seconds']:.0f} s" if found["seconds"] is not None else f"not within {limit:g} s"
    echo(f"{race.case.model}, {race.metric} {race.target}: {reached} ({found['steps']:,} steps)")


def _note(text: str) -> None:
    echo(text, err=True)


def _device(device: str) -> str:
    import torch

    require_gpu_if(device)
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"


def _table(rows: Sequence[dict[str, Any]]) -> "pd.DataFrame":
    """The rows in short, as texts."""
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "model": row["model"],
                "engine": row["engine"],
                "models": row["fleet"],
                "images": row["image"],
                "batch": row["batch_size"],
                "steps/s": f"{row['steps_per_second']:.4g}",
                "model steps/s": f"{row['model_steps_per_second']:.4g}",
                "images/s": f"{row['images_per_second']:,.0f}",
                "GFLOP/s": f"{row['flop_per_second'] / 1e9:,.0f}",
                "of product": f"{row['flop_fraction']:.0%}",
                "GB/s": f"{row['bytes_per_second'] / 1e9:,.1f}",
                "of copy": f"{row['bytes_fraction']:.0%}",
                "memory": f"{row['peak_bytes'] / 1e9:.2f} GB",
                "start": f"{row['start_seconds']:.1f} s",
                "energy": "-" if row["joules_per_model_step"] is None else f"{row['joules_per_model_step']:.3g} J",
            }
            for row in rows
        ]
    )
