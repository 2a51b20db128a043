"""Data frames as text: for the terminal, and as CSV, Markdown and JSON."""

import json
import math
import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.cli.console import console
from harness.cli.terminal import echo
from harness.errors import printable

GAP = 2
"""Blanks between two columns."""

FOLDED = 30
"""Columns that are no wider are not folded, but for the first ones, which say what a row is."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What begins a formula for spreadsheets (OWASP, CSV injection)."""


def print_table(table: pd.DataFrame, title: str, caption: str = "", *, keys: int = 1, group: str = "") -> None:
    """Print a data frame of texts on the terminal, between its title and its caption.

    Where the columns do not fit beside each other, the table goes on below with the first ones repeated. What a *
    marks is bold; a cell's second line is dim.

    Args:
        table: texts; a cell may have several lines.
        title: above it.
        caption: below it.
        keys: how many of the first columns say what a row is; they are folded where they are wide.
        group: a column whose equal values head groups of rows instead of standing in each.
    """
    out = console()
    if title:
        out.print(Text(title, style="bold"))
    for part in table_parts(table, out.width, keys, group):
        out.print(part)
        out.print()
    if caption:
        out.print(Text(caption, style="dim"))


def table_parts(table: pd.DataFrame, width: int, keys: int, group: str = "") -> Iterator[RenderableType]:
    """A data frame of texts as tables no wider than `width`; see `print_table`."""
    groups = table[group].tolist() if group else [""] * len(table)
    table = (table.drop(columns=group) if group else table).map(lambda cell: printable(str(cell)))
    texts = {printable(str(name)): table.iloc[:, position].tolist() for position, name in enumerate(table.columns)}
    widths = {name: max(_width(cell) for cell in [name, *cells]) for name, cells in texts.items()}
    names = list(texts)
    if group:
        texts[names[0]] = [f"  {cell}" for cell in texts[names[0]]]
        widths[names[0]] += 2
    _narrow(texts, widths, keys, width)
    for columns in _blocks(names, widths, keys, width):
        yield _block({name: texts[name] for name in columns}, widths, keys, groups)


def _narrow(texts: dict[str, list[str]], widths: dict[str, int], keys: int, width: int) -> None:
    """Make the columns narrow enough.

    Keys take no more than half of the width if no word is broken for it, and leave room for any other column, or for
    FOLDED of it: what is wider are sentences, which are folded too.
    """
    names = list(texts)[:keys]
    longest = {name: max(_width(word) for cell in [name, *texts[name]] for word in cell.split(" ")) for name in names}
    others = max((min(widths[name], FOLDED) for name in list(texts)[keys:]), default=0)
    for budget, least in ((width // 2, longest), (width - GAP - others, dict.fromkeys(names, 1))):
        while sum(widths[name] + GAP for name in names) - GAP > budget:
            wide = [name for name in names if widths[name] > least[name]]
            if not wide:
                break
            widths[max(wide, key=widths.__getitem__)] -= 1
    room = width - sum(widths[name] + GAP for name in names)
    for name in list(texts)[keys:]:
        widths[name] = min(widths[name], max(room, FOLDED))


def _blocks(names: Sequence[str], widths: dict[str, int], keys: int, width: int) -> Iterator[list[str]]:
    """The keys with as many of the other columns as fit beside them, at least one, until all have been shown."""
    start = sum(widths[name] + GAP for name in names[:keys]) - GAP
    block, used = list(names[:keys]), start
    for name in names[keys:]:
        if len(block) > keys and used + GAP + widths[name] > width:
            yield block
            block, used = list(names[:keys]), start
        block.append(name)
        used += GAP + widths[name]
    yield block


def _block(texts: dict[str, list[str]], widths: dict[str, int], keys: int, groups: Sequence[str]) -> RenderableType:
    """Some columns of a table; each group of rows stands under its own name, which may be as long as the line."""

    def rows_of(group: str | None) -> Table:
        made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
        made.show_header = group is None or not group
        for name in texts:
            made.add_column(Text(name), overflow="fold", width=widths[name])
        for own, *row in zip(groups, *texts.values(), strict=True):
            if own == group:
                made.add_row(
                    *(Text(cell) if position < keys else _emphasised(cell) for position, cell in enumerate(row))
                )
        return made

    if not any(groups):
        return rows_of("")
    parts: list[RenderableType] = [rows_of(None)]
    for group in dict.fromkeys(groups):
        parts += [Text(printable(group), style="bold"), rows_of(group), ""]
    return Group(*parts[:-1])


def _width(text: str) -> int:
    return max(Text(line).cell_len for line in text.split("\n"))


def _emphasised(cell: str) -> Text:
    """A cell whose first line is bold up to a *, and whose other lines are dim."""
    first, newline, rest = cell.partition("\n")
    best, star, behind = first.partition("*")
    text = Text.assemble((best + star, "bold"), behind) if star else Text(first)
    return text.append(newline + rest, style="dim")


def print_as(form: str, table: pd.DataFrame) -> None:
    """Print a data frame as csv, json, markdown or latex, with every column and value."""
    written = {"json": as_json, "csv": as_csv, "markdown": markdown, "latex": latex}[form]
    echo(written(table).rstrip("\n"))


def as_json(table: pd.DataFrame) -> str:
    """A data frame as a JSON list of records, numbers with all their digits; what is missing or infinite is null."""

    def plain(value: object) -> object:
        value = value.item() if isinstance(value, np.generic) else value
        return None if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)) else value

    records = [{str(name): plain(value) for name, value in row.items()} for row in table.to_dict("records")]
    text = json.dumps(records, indent=2, ensure_ascii=False)
    if printable(text) == text:
        return text
    # What a terminal would obey, as JSON's own escapes.
    return json.dumps(records, indent=2).replace("\x7f", "\\u007f")


def as_csv(table: pd.DataFrame) -> str:
    """A data frame as CSV. A text that spreadsheets would take for a formula has an apostrophe before it."""

    def inert(cell: object) -> object:
        return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell

    return str(table.map(inert).to_csv(index=False))


def markdown(table: pd.DataFrame) -> str:
    """A data frame of texts as a Markdown table."""

    def line(cells: Sequence[object]) -> str:
        return "| " + " | ".join(re.sub(r"\s*\n\s*", " ", str(cell)).replace("|", r"\|") for cell in cells) + " |"

    rule = "|" + "|".join(" --- " for _ in table.columns) + "|"
    return "\n".join([line(list(table.columns)), rule, *(line(row) for row in table.itertuples(index=False))])


IN_LATEX = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "↓": r"$\downarrow$",
    "≤": r"$\leq$",
    "<": r"$<$",
    ">": r"$>$",
}
"""What stands in LaTeX for signs that it obeys or that its fonts lack."""


def latex(table: pd.DataFrame, *, keys: int = 1) -> str:
    """A data frame of texts as a LaTeX tabular, which needs the package booktabs.

    Args:
        table: texts; what a * marks is bold.
        keys: how many of the first columns say what a row is, in which a * is a *.
    """

    def escaped(text: object) -> str:
        return "".join(IN_LATEX.get(sign, sign) for sign in re.sub(r"\s*\n\s*", " ", str(text)))

    def cell(text: object) -> str:
        best, star, behind = str(text).partition("*")
        return rf"\textbf{{{escaped(best)}}}{escaped(behind)}" if star else escaped(best)

    shown = pd.DataFrame(
        {
            position: table.iloc[:, position].map(escaped if position < keys else cell).astype(object)
            for position in range(table.shape[1])
        }
    )
    # pandas takes headings for format strings.
    heads = [escaped(name).replace("{", "{{").replace("}", "}}") for name in table.columns]
    return str(shown.to_latex(index=False, escape=False, header=heads))
