"""What all figures share: matplotlib, where it is installed, and a style for print."""

from collections.abc import Callable, Sequence
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

from harness.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Told apart by everyone (Okabe & Ito, 2008)."""

STYLE: Any = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "harness",
    "pdf.fonttype": 42,
}
"""Text stays text in SVG and PDF, and the same figure is the same file."""

FORMATS = ("svg", "pdf", "png")


def paper_style(draw: Callable[P, "Figure"]) -> Callable[P, "Figure"]:
    """Have a function draw in the style of all figures, and say where matplotlib is missing (UserError)."""

    @wraps(draw)
    def drawing(*arguments: P.args, **options: P.kwargs) -> "Figure":
        require_matplotlib()
        import matplotlib as mpl

        with mpl.rc_context(STYLE):
            return draw(*arguments, **options)

    return drawing


def require_matplotlib() -> None:
    """Make sure that there is matplotlib.

    Raises:
        UserError: it is not installed.
    """
    if find_spec("matplotlib") is None:
        raise UserError(
            "figures need matplotlib, which is not installed; do: pip install '.[figures]' in the harness's checkout"
        )


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of a size in inches; 7 are the width of a page."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def axes_of(figure: "Figure", rows: int = 1, columns: int = 1, **options: Any) -> "list[Axes]":
    """The axes of a grid of so many rows and columns, row by row."""
    return list(figure.subplots(rows, columns, squeeze=False, **options).ravel())


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure in the format that the name says; without a date, so that the same figure is the same file.

    Raises:
        UserError: the format is none of svg, pdf and png, or the file cannot be written.
    """
    import matplotlib as mpl

    form = path.suffix.removeprefix(".")
    if form not in FORMATS:
        raise UserError(f"{path}: figures are written as {', '.join(FORMATS)}")
    dateless = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[form]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context(STYLE):
            figure.savefig(path, dpi=200, metadata=dateless)
    except OSError as error:
        raise UserError(f"{path}: cannot write the figure there: {error.strerror or error}") from None


def colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name; after seven they repeat."""
    return {name: COLOURS[position % len(COLOURS)] for position, name in enumerate(names)}
