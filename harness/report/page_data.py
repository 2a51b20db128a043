"""What the page of a report knows: results folders as compact plain data."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import DamagedFileError
from harness.report.page_comparisons import comparison_rows, rankings
from harness.results.folder import ResultsFolder
from harness.results.parquet import read_table
from harness.results.result import Outcome, Result
from harness.results.status import StudyStatus
from harness.results.trial_folder import TrialFolder
from harness.selection.tables import selection_notes
from harness.suite.suite import Suite
from harness.suite.trial import Choice, Trial
from harness.summary.details import active_codes, matrices, numbers
from harness.summary.labels import choice_in_words, distinct_labels
from harness.summary.leaderboard import leaderboard, metric_columns, score_table, trial_columns
from harness.summary.rounding import short

logger = logging.getLogger(__name__)

CURVE_NUMBERS = 600_000
"""Numbers that all learning curves together may take, about 4 MB of the page."""

TERMS = 8
"""Loss terms that a trial is taken to have, where it is reckoned how many points a curve may have."""

MOST_POINTS, FEWEST_POINTS = 200, 20
"""Points of one learning curve."""

Plain = dict[str, Any]
SettingKey = tuple[str, ...]


@dataclass
class Pages:
    """Everything the page shows, gathered study by study.

    The page refers to trials, settings, metrics, datasets and provenances by their position in these lists.
    """

    studies: list[Plain] = field(default_factory=list)
    datasets: list[str] = field(default_factory=list)
    metrics: list[Plain] = field(default_factory=list)
    settings: list[Plain] = field(default_factory=list)
    board: list[list[Any]] = field(default_factory=list)
    trials: list[Plain] = field(default_factory=list)
    details: list[Plain] = field(default_factory=list)
    selections: list[Plain] = field(default_factory=list)
    differences: list[Plain] = field(default_factory=list)
    comparisons: list[Plain] = field(default_factory=list)
    rankings: list[Plain] = field(default_factory=list)
    provenances: list[Plain] = field(default_factory=list)


def gather(folders: Sequence[ResultsFolder], factors: Sequence[Sequence[str]]) -> Pages:
    """Read results folders.

    Args:
        folders: at least one.
        factors: for each the names of its dataset's factors; empty where they are not known.

    Raises:
        UserError: one of them is no results folder, or a file in it is damaged.
    """
    suites = [folder.suite for folder in folders]
    pages = Pages()
    datasets = list(dict.fromkeys(_key(trial.dataset) for suite in suites for trial in suite.trials))
    metrics = list(dict.fromkeys(_metric_key(metric) for suite in suites for metric in suite.metrics))
    pages.datasets = distinct_labels(datasets)
    pages.metrics = [
        {"label": label, "name": name, "settings": json.loads(settings), "higher": None}
        for label, (name, settings) in zip(distinct_labels(metrics), metrics, strict=True)
    ]
    points = _points_of_a_curve(sum(len(suite.trials) for suite in suites))
    scores = [
        (suite.title, _Gathering(pages, folder, suite, datasets, metrics, names, points).gather())
        for folder, suite, names in zip(folders, suites, factors, strict=True)
    ]
    pages.rankings = rankings(scores)
    return pages


def _key(choice: Choice) -> tuple[str, str]:
    return choice.name, json.dumps(dict(choice.config))


def _metric_key(metric: Choice) -> tuple[str, str]:
    """A metric's name and settings as tables have them."""
    columns = metric_columns(metric)
    return str(columns["metric"]), str(columns["metric_settings"])


def _points_of_a_curve(trials: int) -> int:
    return max(FEWEST_POINTS, min(MOST_POINTS, CURVE_NUMBERS // (max(1, trials) * TERMS)))


@dataclass
class _Gathering:
    """Gathers one study into the page's lists."""

    pages: Pages
    folder: ResultsFolder
    suite: Suite
    datasets: list[tuple[str, str]]
    metrics: list[tuple[str, str]]
    factors: Sequence[str]
    points: int

    def gather(self) -> pd.DataFrame:
        """Read the study and add it, with all its trials, to the page's data.

        Returns:
            `scores.parquet`, with datasets by the labels that tell those of the page apart.
        """
        status = StudyStatus.read(self.suite, self.folder)
        scores = score_table(status)
        self._note_directions(scores)
        first_trial = len(self.pages.trials)
        settings: dict[SettingKey, int] = {}
        outcomes: dict[str, int] = {}
        seconds = 0.0
        rows: dict[str, list[Plain]] = {}
        for row in scores.to_dict("records"):
            rows.setdefault(row["trial"], []).append({str(name): value for name, value in row.items()})
        for trial in self.suite.trials:
            result = status.results.get(trial.id)
            outcome = str(result.outcome) if result else "pending"
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            seconds += result.seconds if result else 0.0
            setting = self._setting(trial, settings)
            self._add_trial(trial, setting, result, rows.get(trial.id, []))
        self._add_board(scores, settings)
        positions = {
            trial["id"]: position for position, trial in enumerate(self.pages.trials) if position >= first_trial
        }
        self._add_selections(positions)
        places = {key: place for place, key in enumerate(self.metrics)}
        self.pages.comparisons += comparison_rows(self.folder, status.state, len(self.pages.studies), places)
        self.pages.studies.append(
            {
                "title": self.suite.title,
                "name": self.suite.name,
                "folder": str(self.folder.path),
                "outcomes": outcomes,
                "seconds": short(seconds),
                "selectors": [selector.name for selector in self.suite.selectors],
                "selector_notes": selection_notes(self.folder, self.suite, status.candidates),
                "evaluation_seed": self.suite.evaluation_seed,
                "factors": list(self.factors),
            }
        )
        names = {trial.id: self.pages.datasets[self.datasets.index(_key(trial.dataset))] for trial in self.suite.trials}
        return scores.assign(dataset=scores["trial"].map(names))

    def _note_directions(self, scores: pd.DataFrame) -> None:
        known = scores.dropna(subset=["higher_is_better"])
        for name, settings, higher in zip(
            known["metric"], known["metric_settings"], known["higher_is_better"], strict=True
        ):
            self.pages.metrics[self.metrics.index((name, settings))]["higher"] = bool(higher)

    def _setting(self, trial: Trial, settings: dict[SettingKey, int]) -> int:
        """The position of the trial's setting, added when it is the first."""
        key = _setting_key(trial_columns(self.suite, trial))
        if key not in settings:
            settings[key] = len(self.pages.settings)
            self.pages.settings.append(
                {
                    "study": len(self.pages.studies),
                    "dataset": self.datasets.index(_key(trial.dataset)),
                    "dataset_settings": dict(trial.dataset.config),
                    "model": trial.label,
                    "title": trial.setting,
                    "name": trial.model.name,
                    "version": trial.model.version,
                    "swept": dict(trial.swept),
                    "hyperparameters": dict(trial.model.config),
                    "training": trial.training.values(),
                }
            )
        return settings[key]

    def _add_trial(self, trial: Trial, setting: int, result: Result | None, rows: Sequence[Plain]) -> None:
        values: list[float | None] = [None] * len(self.metrics)
        missing: dict[int, str] = {}
        beside: dict[int, Plain] = {}
        found: list[Plain] = []
        active: dict[int, list[int]] = {}
        for row in rows:
            position = self.metrics.index((row["metric"], row["metric_settings"]))
            values[position] = short(row["score"])
            if row["status"] != "ok":
                missing[position] = _why_missing(row)
            details: Plain = json.loads(row["details"])
            beside[position] = numbers(details)
            found += [{"metric": position, **matrix._asdict()} for matrix in matrices(details)]
            if (codes := active_codes(details)) is not None:
                active[position] = codes
        self.pages.trials.append(
            {
                "id": trial.id,
                "setting": setting,
                "seed": trial.seed,
                "outcome": str(result.outcome) if result else "pending",
                "scores": values,
                "failures": result.failures if result else [],
            }
        )
        self.pages.details.append(
            {
                "missing": missing,
                "numbers": {position: each for position, each in beside.items() if each},
                "matrices": found,
                "active": active,
                "curves": learning_curves(self.folder.trial(trial.id), self.points),
                "seconds": short(result.seconds) if result else None,
                "finished_at": result.finished_at if result else "",
                "traceback": _tracebacks(result) if result else "",
                "provenance": self._provenance(result.provenance) if result and result.provenance else None,
            }
        )

    def _provenance(self, found: Mapping[str, Any]) -> int:
        plain = dict(found)
        if plain not in self.pages.provenances:
            self.pages.provenances.append(plain)
        return self.pages.provenances.index(plain)

    def _add_board(self, scores: pd.DataFrame, settings: Mapping[SettingKey, int]) -> None:
        """Rows of setting, metric, n, trials without a score, mean, std, ends of the interval, status, reason, best."""
        for row in leaderboard(scores, self.suite).to_dict("records"):
            setting = settings[_setting_key(row)]
            metric = self.metrics.index((row["metric"], row["metric_settings"]))
            values = [short(row[name]) for name in ("mean", "std", "ci_low", "ci_high")]
            self.pages.board.append(
                [
                    setting,
                    metric,
                    int(row["n"]),
                    int(row["failed"]) + int(row["pending"]),
                    *values,
                    row["status"],
                    row["reason"],
                    bool(row["best"]),
                ]
            )

    def _add_selections(self, positions: Mapping[str, int]) -> None:
        """The rows of selections.parquet and selector_differences.parquet, by the labels of selectors and metrics."""
        rows, differences = self._rows("selections"), self._rows("selector_differences")
        selectors = list(dict.fromkeys((row["selector"], row["selector_settings"]) for row in [*rows, *differences]))
        labels = dict(zip(selectors, distinct_labels(selectors), strict=True))
        for row in rows:
            if row.get("status", "ok") == "ok":
                chosen = choice_in_words(row["chosen"], row.get("tied"))
                names = {"trial": positions.get(row["trial"]), "chosen": chosen}
                self.pages.selections.append({**self._selected(row, labels), **names})
        for row in differences:
            other = labels.get((row["other"], row["other_settings"]), row["other"])
            self.pages.differences.append({**self._selected(row, labels), "other": other})

    def _rows(self, name: str) -> list[Plain]:
        """The rows of a table by metrics of the page; none while `harness run`, at its end, has not written it."""
        try:
            rows = read_table(self.folder.table(name)).to_dict("records")
        except FileNotFoundError:
            return []
        except DamagedFileError as error:
            logger.warning("%s; `harness leaderboard %s --rebuild` makes it anew", error, self.folder.path)
            return []
        named = [{str(key): value for key, value in row.items()} for row in rows]
        return [row for row in named if (row["metric"], row["metric_settings"]) in self.metrics]

    def _selected(self, row: Plain, labels: Mapping[tuple[str, str], str]) -> Plain:
        """The numbers of a row of selections, with its pool, selector and metric."""
        return {
            "study": len(self.pages.studies),
            "selector": labels[row["selector"], row["selector_settings"]],
            "pool": row["pool"],
            **{name: short(value) for name, value in row.items() if isinstance(value, int | float)},
            "metric": self.metrics.index((row["metric"], row["metric_settings"])),
        }


def _setting_key(row: Mapping[Any, Any]) -> SettingKey:
    """What tells settings apart in the columns of a table."""
    return tuple(str(row[name]) for name in ("model", "hyperparameters", "swept", "training"))


def _why_missing(row: Mapping[str, Any]) -> str:
    """Why there is no score; of a trial that ended otherwise the reason names how."""
    if row["outcome"] not in (Outcome.FINISHED, Outcome.FAILED):
        return str(row["reason"])
    return f"{row['status'].replace('-', ' ')}: {row['reason']}"


def learning_curves(folder: TrialFolder, points: int) -> Plain:
    """The losses of a trial at no more than so many steps, the first and the last among them; {} without a history."""
    try:
        frame = read_table(folder.history)
    except FileNotFoundError:
        return {}
    except DamagedFileError as error:
        logger.warning("%s", error)
        return {}
    table: dict[str, list[Any]] = {str(name): frame[name].tolist() for name in frame.columns}
    if not len(frame):
        return {}
    rows = np.unique(np.linspace(0, len(table["step"]) - 1, points).round().astype(int))
    return {
        "step": [int(table["step"][row]) for row in rows],
        "terms": {
            name: [short(values[row]) for row in rows]
            for name, values in table.items()
            if name not in ("step", "seconds")
        },
    }


def _tracebacks(result: Result) -> str:
    own = [result.traceback] if result.outcome is not Outcome.FINISHED else []
    return "\n".join([*own, *(score.traceback for score in result.scores if score.traceback)])
