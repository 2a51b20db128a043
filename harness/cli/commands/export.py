"""`harness export`: the trained models of a study as plain files for others' selectors."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.completers import complete_results
from harness.cli.options import data_option, plugin_option, require_gpu_if
from harness.cli.terminal import echo
from harness.storage.location import location

if TYPE_CHECKING:
    from harness.publishing.pool import Weights


@click.command()
@click.argument("results", type=location, shell_complete=complete_results)
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), default="pool", show_default=True, help="The folder."
)
@click.option(
    "--images", type=click.IntRange(min=1), default=10_000, show_default=True, help="Images that are encoded, at most."
)
@click.option(
    "--weights",
    type=click.Choice(["safetensors", "npz", "none"]),
    default="safetensors",
    show_default=True,
    help="Format of the models' parameters, or codes alone.",
)
@click.option("--hub", metavar="USER/NAME", help="Upload them as a model repository of the Hugging Face Hub.")
@click.option("--private", is_flag=True, help="With --hub: a repository that is made is its owner's alone.")
@click.option("--device", type=click.Choice(["cpu", "cuda", "mps"]), default="cpu", show_default=True)
@data_option
@plugin_option
def command(
    results: Path,
    output: Path,
    images: int,
    weights: "Weights",
    hub: str | None,
    private: bool,
    device: str,
    plugins: tuple[Path, ...],
) -> None:
    """Write the trained models in RESULTS as plain files: codes, weights, scores, ground truth.

    The README that is written with them says what each file holds.
    """
    from harness.plugins.manager import PluginManager
    from harness.publishing.hub import check_repository, upload
    from harness.publishing.pool import export_pool
    from harness.results.folder import ResultsFolder

    require_gpu_if(device)

    def tell(done: int, total: int) -> None:
        if done < total and sys.stderr.isatty():
            echo(f"encoding with model {done + 1} of {total}", err=True)

    if hub is not None:
        check_repository(hub)
    registry = PluginManager(plugins).registry
    written = export_pool(
        ResultsFolder(results), output, registry, images=images, weights=weights, device=device, report=tell
    )
    for reason in written.without:
        echo(f"note: no codes of {reason}", err=True)
    echo(f"{output}: {written.models} models, codes of {written.images:,} images")
    if hub is not None:
        echo(upload(output, hub, written.files, kind="model", private=private))
