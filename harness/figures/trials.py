"""Figures of one trial: the matrices that its metrics report, and traversals of its latent codes."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import UserError
from harness.figures.paper import axes_of, new_figure, paper_style
from harness.summary.details import matrices

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.pictures.trained_model import TrainedModel

CODES, STEPS = 8, 9
"""Rows and columns of latent traversals, at most."""

WIDEST = 7.0
"""Inches, the width of a page."""


@paper_style
def matrices_figure(details: Mapping[str, Mapping[str, Any]], factors: Sequence[str]) -> "Figure":
    """Draw the matrices of codes by factors that metrics report beside their scores.

    Args:
        details: of each metric, by its name; see `harness.Score`.
        factors: the names of the dataset's factors.

    Raises:
        UserError: no metric reports a matrix, or there is no matplotlib.
    """
    found = [(metric, matrix) for metric, own in details.items() for matrix in matrices(own)]
    if not found:
        raise UserError("none of its metrics reports a matrix; mig, dci and others do")
    columns = min(3, len(found))
    rows = math.ceil(len(found) / columns)
    most = max(len(matrix.rows) for _, matrix in found)
    figure = new_figure(min(WIDEST, 0.4 + 2.3 * columns), rows * (0.9 + 0.2 * most))
    axes = axes_of(figure, rows, columns)
    for panel, (metric, matrix) in zip(axes, found, strict=False):
        values = np.array([[np.nan if value is None else value for value in row] for row in matrix.values])
        panel.imshow(values, cmap="Blues", vmin=0, aspect="auto")
        panel.set_title(f"{metric}: {matrix.name.replace('_', ' ')}")
        panel.set_yticks(range(len(matrix.rows)), [str(code) for code in matrix.rows])
        known = values.shape[1] == len(factors)
        names = [name.replace("_", " ") for name in factors] if known else [str(n) for n in range(values.shape[1])]
        panel.set_xticks(range(values.shape[1]), names, rotation=45, ha="right")
        panel.set_ylabel("code")
    for panel in axes[len(found) :]:
        panel.set_axis_off()
    return figure


@paper_style
def traversals_figure(trained: "TrainedModel") -> "Figure":
    """Draw latent traversals: a row for each of the eight liveliest codes, from low to high while the others stay.

    Raises:
        NotApplicableError: the model does not generate.
        UserError: there is no matplotlib.
    """
    from harness.pictures.latent_paths import step_labels
    from harness.pictures.traversals import liveliest_codes, traversal_images

    chosen = liveliest_codes(trained, CODES)
    others = trained.sample_latents([0])
    figure = new_figure(min(WIDEST, 0.9 + 0.62 * STEPS), 0.75 * len(chosen) + 0.1)
    axes = axes_of(figure, len(chosen), 1)
    for panel, code in zip(axes, chosen, strict=True):
        images = traversal_images(trained, code, others, STEPS)[:, 0]
        count, height, width, _ = images.shape
        panel.imshow(np.concatenate(list(images), axis=1))
        panel.set_yticks([height / 2], [code.name])
        panel.set_xticks([width * (position + 0.5) for position in range(count)], step_labels(code.part, STEPS)[:count])
        panel.tick_params(length=0)
        panel.spines[:].set_visible(False)
    return figure
