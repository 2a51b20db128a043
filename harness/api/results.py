"""`harness.Results`: what a study left, as data frames, trials and trained models."""

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from harness.api.devices import as_device
from harness.api.score import plugin_files
from harness.dataset import Dataset, GroundTruthDataset
from harness.errors import DamagedFileError, NotApplicableError, UserError, nearest
from harness.pictures.trained_model import TrainedModel, load_trained
from harness.plugins.manager import PluginManager
from harness.results.find import find_trial
from harness.results.folder import ResultsFolder
from harness.results.parquet import read_table
from harness.results.result import Result, ScoreRecord
from harness.suite.build import build_dataset, load_dataset
from harness.suite.suite import Suite
from harness.suite.trial import Trial
from harness.summary.aggregate import Ranks, interquartile_means, mean_ranks
from harness.summary.comparison import compare_folders, compare_settings, setting_names, with_settings
from harness.summary.labels import metric_labels
from harness.summary.leaderboard import leaderboard
from harness.summary.tables import read_scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.registry import Registry

FIGURES = ("leaderboard", "metrics", "ranks", "profiles", "matrices", "traversals")
"""What `Results.figure` draws."""

JSON_COLUMNS = ("hyperparameters", "swept", "training", "metric_settings", "selector_settings", "details")


class Results:
    """A results folder, or published tables, read from Python. Nothing is written and nothing is trained.

    Args:
        path: the folder or its URL.
        plugins: files of plugins that its trials need, to make their models and datasets again.

    Raises:
        UserError: there are no results.
    """

    def __init__(self, path: str | Path, plugins: str | Path | Sequence[str | Path] = ()) -> None:
        self.folder = ResultsFolder(path)
        self._plugins = plugin_files(plugins)
        self._raw = read_scores(self.folder)

    @property
    def suite(self) -> Suite:
        """The suite that was last run into the folder.

        Raises:
            UserError: these are published tables, without their trials.
        """
        return self.folder.suite

    @property
    def scores(self) -> pd.DataFrame:
        """`scores.parquet`: a row per trial and metric, JSON columns as dictionaries, and `setting` in words."""
        return _unpacked(with_settings(self._raw))

    @cached_property
    def leaderboard(self) -> pd.DataFrame:
        """`leaderboard.parquet`: scores summarised over seeds; a row per setting and metric."""
        return _unpacked(self._table("leaderboard"))

    @cached_property
    def selections(self) -> pd.DataFrame:
        """`selections.parquet`: selectors judged by ground-truth metrics."""
        return _unpacked(self._table("selections"))

    @property
    def settings(self) -> list[str]:
        """The settings that were compared, in words: a model's label and what is swept."""
        return setting_names(with_settings(self._raw))

    @property
    def trials(self) -> list["TrialResults"]:
        """Every trial of the suite, whether it has ended or not."""
        return [TrialResults(self, trial) for trial in self.suite.trials]

    def trial(self, name: str) -> "TrialResults":
        """Find a trial by its identity or title, or by the beginning of either.

        Raises:
            UserError: there is no such trial, or several begin like this.
        """
        return TrialResults(self, find_trial(self.folder.path / name)[1])

    def best(self, metric: str) -> "TrialResults":
        """The trial with the best score by a metric. It is chosen by that metric, so its score flatters it.

        Args:
            metric: its name; of several protocols with the settings that differ, "sap protocol=svm".

        Raises:
            UserError: no trial has a score by this metric.
        """
        labels = metric_labels(self._raw)
        scored = self._raw[(labels == metric) & (self._raw["status"] == "ok")]
        if scored.empty:
            known = list(dict.fromkeys(labels))
            raise UserError(f"{self.folder.path}: no trial has a score by '{metric}'; {nearest(metric, known)}")
        values = scored["score"].to_numpy(float)
        chosen = values.argmax() if bool(scored["higher_is_better"].iloc[0]) else values.argmin()
        return self.trial(str(scored["trial"].iloc[int(chosen)]))

    def compare(self, baseline: "str | Results", settings: str | Sequence[str] = ()) -> pd.DataFrame:
        """Differences paired by seed: settings against a baseline, or each setting against other results.

        Args:
            baseline: a setting of these results in words, or its beginning; or other `Results`.
            settings: the one or those to compare with a baseline setting; with none, all others.

        Returns:
            The table `comparisons.parquet`, the same as `harness compare` prints.

        Raises:
            UserError: there is no such setting, or the results share none.
        """
        if isinstance(baseline, Results):
            names = (str(self.folder.path), str(baseline.folder.path))
            return compare_folders(self._raw, baseline._raw, names)
        if not isinstance(baseline, str):
            raise UserError(f"compare: expected a setting of these results, or other Results, got {baseline!r}")
        return compare_settings(self._raw, baseline, [settings] if isinstance(settings, str) else settings)

    def mean_ranks(self) -> Ranks:
        """Ranks of the settings averaged over all metrics and datasets, as `harness compare --ranks` prints them.

        Raises:
            UserError: no setting has a score by every metric.
        """
        return mean_ranks(self._raw)

    def interquartile_means(self, metric: str) -> pd.DataFrame:
        """The interquartile mean of each setting with its interval, as `harness compare --iqm` prints them.

        Raises:
            UserError: no trial has a score by this metric.
        """
        return interquartile_means(self._raw, metric)

    def figure(self, name: str, *, trial: str | None = None, metric: str | None = None) -> "Figure":
        """Draw a figure for a paper, with matplotlib (the extra `figures`).

        Args:
            name: "leaderboard", means with 95 % intervals; "metrics", each against each other; "ranks", a
                critical-difference diagram; "profiles", the share of runs at least as good as each score; "matrices",
                codes by factors, of one trial; "traversals", of one trial.
            trial: the trial of "matrices" and "traversals", as in `trial`; by default the best by the metric.
            metric: that of "profiles" and of the best trial; by default the first of the suite.

        Returns:
            A `matplotlib.figure.Figure`; notebooks show it, and `savefig("name.pdf")` writes it.

        Raises:
            UserError: there is no such figure, nothing to draw, or no matplotlib.
        """
        from harness.figures.tables import leaderboard_figure, metrics_figure, profiles_figure, ranks_figure

        if name in ("matrices", "traversals"):
            chosen = self.trial(trial) if trial else self.best(metric or self._first_metric())
            return chosen.figure(name)
        drawn: dict[str, Callable[[], Figure]] = {
            "leaderboard": lambda: leaderboard_figure(self._table("leaderboard")),
            "metrics": lambda: metrics_figure(self._raw),
            "ranks": lambda: ranks_figure(self._raw),
            "profiles": lambda: profiles_figure(self._raw, metric or self._first_metric()),
        }
        if name not in drawn:
            raise UserError(f"there is no figure '{name}'; {nearest(name, FIGURES)}")
        return drawn[name]()

    def _first_metric(self) -> str:
        scored = metric_labels(self._raw)[self._raw["status"] == "ok"]
        if scored.empty:
            raise UserError(f"{self.folder.path}: there are no scores yet")
        return str(scored.iloc[0])

    @cached_property
    def registry(self) -> "Registry":
        """The registry of the plugins, from which models and datasets are made again."""
        return PluginManager(self._plugins).registry

    def _table(self, name: str) -> pd.DataFrame:
        """Read a table of the folder; a leaderboard that is missing or damaged is made anew from the scores."""
        try:
            return read_table(self.folder.table(name))
        except (FileNotFoundError, DamagedFileError):
            if name == "leaderboard":
                return leaderboard(self._raw, self.suite)
            raise UserError(f"{self.folder.path}: there is no {name}.parquet; `harness run` writes it") from None

    def __repr__(self) -> str:
        trials = self._raw["trial"].nunique()
        metrics = ", ".join(dict.fromkeys(self._raw["metric"])) or "none"
        settings = len(self.settings)
        return f"<Results {self.folder.path}: {trials} scored trials of {settings} settings; metrics: {metrics}>"


class TrialResults:
    """One trial of a results folder: its record, its model, its dataset and its history."""

    def __init__(self, results: Results, trial: Trial) -> None:
        self._results = results
        self.trial = trial
        self._folder = results.folder.trial(trial.id)

    @property
    def id(self) -> str:
        """The trial's identity, the name of its folder."""
        return self.trial.id

    @property
    def title(self) -> str:
        """The trial's title: its model, settings and seed in words."""
        return self.trial.title

    @property
    def result(self) -> Result | None:
        """The result, with a record for every metric; None while the trial has not ended."""
        return self._folder.result

    @property
    def records(self) -> Sequence[ScoreRecord]:
        """A record for each metric that the trial was scored by; none while it has not ended."""
        return self.result.scores if self.result else ()

    @property
    def scores(self) -> dict[str, float]:
        """The trial's scores by metric, or by metric and protocol; without metrics that have none."""
        rows = self._results._raw
        own = (rows["trial"] == self.id) & (rows["status"] == "ok")
        return dict(zip(metric_labels(rows)[own], rows["score"][own].astype(float), strict=True))

    def model(self, device: str = "cpu") -> TrainedModel:
        """The trained model, ready to `encode`, `generate` and `reconstruct` in batches, without gradients.

        Raises:
            UserError: it was never trained, its file is damaged, or its plugin is not there.
        """
        dataset = build_dataset(self._results.registry, self.trial.dataset)
        dataset.device = as_device(device)
        return load_trained(self._results.folder, self.trial, self._results.registry, dataset)

    def dataset(self, device: str = "cpu") -> Dataset:
        """The trial's dataset, loaded.

        Raises:
            UserError: its files are missing, or its plugin is not there.
        """
        return load_dataset(self._results.registry, self.trial.dataset, device)

    def figure(self, name: str) -> "Figure":
        """Draw the "matrices" of codes by factors that its metrics report, or "traversals" of its latent codes.

        Raises:
            UserError: there is no such figure, nothing to draw, or no matplotlib.
        """
        from harness.figures.trials import matrices_figure, traversals_figure

        if name == "traversals":
            try:
                return traversals_figure(self.model())
            except NotApplicableError as error:
                raise UserError(f"{self.title}: {error}") from None
        if name != "matrices":
            raise UserError(f"there is no figure '{name}' of a trial; choose from: matrices, traversals")
        dataset = build_dataset(self._results.registry, self.trial.dataset)
        factors = dataset.factors.names if isinstance(dataset, GroundTruthDataset) else ()
        try:
            return matrices_figure({record.metric: record.details for record in self.records}, factors)
        except UserError as error:
            raise UserError(f"{self.title}: {error}") from None

    def history(self) -> pd.DataFrame:
        """Losses and speed during training: a row every 1/500 of it.

        Raises:
            UserError: the trial has not been trained.
        """
        try:
            return read_table(self._folder.history)
        except FileNotFoundError:
            raise UserError(f"{self.title}: there is no history; the trial has not been trained") from None

    def __repr__(self) -> str:
        scores = ", ".join(f"{metric} {score:.4g}" for metric, score in self.scores.items())
        return f"<Trial {self.title} ({self.id}): {scores or 'no scores'}>"


def _unpacked(table: pd.DataFrame) -> pd.DataFrame:
    """Parse the JSON columns of a table into lists and dictionaries."""
    found: dict[str, Any] = {
        name: [json.loads(text) if isinstance(text, str) and text else {} for text in table[name]]
        for name in JSON_COLUMNS
        if name in table
    }
    return table.assign(**found)
