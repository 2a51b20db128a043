"""The HTML page of a report: one file that works without a network."""

import base64
import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import jinja2

from harness.registry import DISTRIBUTION, Registry
from harness.report.page_data import Pages, gather
from harness.report.picture_store import Album
from harness.report.trial_pictures import StudyPictures, factor_names, is_drawn
from harness.results.folder import ResultsFolder
from harness.storage.atomic import write_whole
from harness.storage.records import now
from harness.summary.rounding import for_javascript

SCRIPTS = (
    "dom", "facts", "address", "copy", "save", "tables", "scales", "explore", "charts", "lines", "heat", "filters",
    "provenance", "leaderboard", "comparisons", "profiles", "relations", "curves", "selectors", "trials", "traversal",
    "matrices", "trial", "main",
)  # fmt: skip
"""In the order in which they build on each other."""

STYLES = ("page", "controls", "tables", "figures", "heat", "trial", "print")

FEW = 60
"""Finished trials up to which all of them get pictures by default, and the most that get any when few are wanted."""

Which = Literal["auto", "none", "few", "all"]


@dataclass(frozen=True)
class Written:
    """A page that was written.

    Attributes:
        size: of the page in bytes.
        chosen: trials that were to have pictures.
        drawn: those of them that have some.
        without: why the others have none, and how many.
    """

    size: int
    chosen: int
    drawn: int
    without: Mapping[str, int]


def write_report(
    folders: Sequence[ResultsFolder],
    output: Path,
    registry: Registry,
    *,
    which: Which = "auto",
    device: str = "cpu",
    any_path: bool = False,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Written:
    """Write the page of some results folders.

    Args:
        folders: at least one.
        output: the HTML file; pictures that are too many for it go into a folder beside it.
        registry: where models and datasets are found for the pictures.
        which: trials that get pictures. few: the best trial of each setting, of the 60 best settings at
            most; auto: all if there are no more than 60.
        device: where models compute, "cpu" or "cuda".
        any_path: whether pictures may show images from outside the data root, which a suite may name.
        report: called with the trials looked at and their number.

    Raises:
        UserError: one of them is no results folder, or a file in it is damaged.
    """
    suites = [folder.suite for folder in folders]
    pages = gather(folders, [factor_names(suite.trials[0], registry) for suite in suites])
    album = Album()
    trials = [
        (study, trial)
        for study, suite in ((StudyPictures(f, registry, device, album, any_path=any_path), f.suite) for f in folders)
        for trial in suite.trials
    ]
    chosen = pictured(pages, which)
    drawn, without = 0, Counter[str]()
    for done, position in enumerate(chosen):
        report(done, len(chosen))
        study, trial = trials[position]
        pictures = study.draw(trial)
        pages.details[position]["pictures"] = pictures
        drawn += is_drawn(pictures)
        without.update([] if is_drawn(pictures) else set(pictures["notes"].values()))
    report(len(chosen), len(chosen))
    # A title may hold half a character, which no file can.
    page = render(pages, album.sources(output)).encode(errors="replace")
    write_whole(output, lambda file: file.write(page))
    return Written(len(page), len(chosen), drawn, without)


def pictured(pages: Pages, which: Which) -> list[int]:
    """The positions of the trials that get pictures, in the page's order; see `write_report`."""
    finished = [position for position, trial in enumerate(pages.trials) if trial["outcome"] == "finished"]
    if which == "none":
        return []
    if which == "all" or (which == "auto" and len(finished) <= FEW):
        return finished
    ranks = mean_ranks_of_trials(pages, finished)
    best: dict[int, int] = {}
    for position in sorted(finished, key=ranks.__getitem__):
        best.setdefault(pages.trials[position]["setting"], position)
    return sorted(list(best.values())[:FEW])


def mean_ranks_of_trials(pages: Pages, positions: Iterable[int]) -> dict[int, float]:
    """The rank of each trial among those given, 1 is best, averaged over the metrics that it has a score of.

    A trial without a score comes last.
    """
    positions = list(positions)
    ranks: dict[int, list[int]] = {position: [] for position in positions}
    for metric, facts in enumerate(pages.metrics):
        sign = 1 if facts["higher"] is False else -1
        scores = {position: pages.trials[position]["scores"][metric] for position in positions}
        ordered = sorted(sign * score for score in scores.values() if score is not None)
        for position, score in scores.items():
            if score is not None:
                ranks[position].append(1 + bisect_left(ordered, sign * score))
    return {position: sum(found) / len(found) if found else float("inf") for position, found in ranks.items()}


def render(pages: Pages, sources: Sequence[str]) -> str:
    """The page as text. All that a plugin or a suite names is data in it, never markup."""
    assets = files(__package__) / "assets"
    script = "\n".join((assets / f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}}})();\n'
    style = "\n".join((assets / f"{name}.css").read_text("utf-8") for name in STYLES)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    titles = [study["title"] for study in pages.studies]
    facts: dict[str, Any] = {
        "title": titles[0] if len(titles) == 1 else f"{len(titles)} studies",
        "script": script,
        "script_hash": _hash(script),
        "style": style,
        "style_hash": _hash(style),
        "data": for_javascript({**vars(pages), "made_at": now(), "version": version(DISTRIBUTION)}),
        "sources": sources,
    }
    return environment.from_string((assets / "page.html").read_text("utf-8")).render(facts)


def _hash(text: str) -> str:
    """What the page's own policy names the text by, so that the browser runs nothing else."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
