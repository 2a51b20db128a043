"""Scores of one subject, as a mapping, as text for terminals and notebooks and as a data frame; and of several."""

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from harness.errors import UserError, nearest
from harness.results.result import ScoreRecord
from harness.summary.labels import distinct_labels

if TYPE_CHECKING:
    import pandas as pd


class Scores(Mapping[str, float]):
    """The scores of one table of codes or one model, by metric.

    As a mapping it holds the metrics that have a score; `records` has all, with details, settings and reasons.
    `scores["mig"]` is a number; a metric without one raises a KeyError that says why. A metric that was asked for with
    several settings is named with those that differ: `scores["sap protocol=infogan-cr"]`.
    """

    def __init__(self, records: Sequence[ScoreRecord]) -> None:
        self.records = tuple(records)
        labels = distinct_labels([_key(record) for record in self.records])
        self._by_label = dict(zip(labels, self.records, strict=True))

    def record(self, metric: str) -> ScoreRecord:
        """The record of one metric: score, status, details, settings and reason.

        Raises:
            KeyError: the metric was not asked for, or with several settings, of which none is named.
        """
        if metric in self._by_label:
            return self._by_label[metric]
        if namesakes := [label for label, record in self._by_label.items() if record.metric == metric]:
            raise KeyError(f"{metric} was asked for with several settings: {', '.join(namesakes)}")
        raise KeyError(f"{metric} was not asked for; {nearest(str(metric), self._by_label)}")

    def details(self, metric: str) -> dict[str, Any]:
        """The details that a metric reports beside its score."""
        return self.record(metric).details

    def __getitem__(self, metric: str) -> float:
        record = self.record(metric)
        if record.score is None:
            raise KeyError(f"{metric} has no score: {record.reason}")
        return record.score

    def __iter__(self) -> Iterator[str]:
        return (label for label, record in self._by_label.items() if record.score is not None)

    def __len__(self) -> int:
        return sum(record.score is not None for record in self._by_label.values())

    def to_frame(self) -> "pd.DataFrame":
        """A row per metric: `metric`, `score`, `status`, `reason`, `higher_is_better`, `seconds`, `settings`, ..."""
        import pandas as pd

        names = ["metric", "score", "status", "reason", "higher_is_better", "seconds", "settings", "details"]
        return pd.DataFrame([{name: asdict(record)[name] for name in names} for record in self.records])

    def __repr__(self) -> str:
        width = max(map(len, self._by_label), default=0)
        lines = [f"{label:<{width}}  {_text(record)}" for label, record in self._by_label.items()]
        return "\n".join(lines) or "no metrics"

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><td>{html.escape(label)}</td><td>{html.escape(_text(record))}</td></tr>"
            for label, record in self._by_label.items()
        )
        return f"<table><tr><th>metric</th><th>score</th></tr>{cells}</table>"


class Scored(Protocol):
    """What has records of scores: `Scores`, or a trial of `Results`."""

    @property
    def records(self) -> Sequence[ScoreRecord]:
        """A record for each metric."""


def scores_table(subjects: Mapping[str, Scored]) -> "pd.DataFrame":
    """Scores beside each other: a row per metric, a column per subject, NaN where a metric gives no score.

    Scores of one row are by the same metric with the same settings; whether they are of the same data is for the caller
    to see to.

    Args:
        subjects: by a name for its column what `score` or `evaluate` returned, or a trial of `Results`.

    Raises:
        UserError: it is no dictionary of these.

    Example:
        >>> import numpy as np
        >>> from harness import score
        >>> factors = np.random.default_rng(0).integers(0, 4, (200, 2))
        >>> exact, mixed = factors + 0.0, factors @ [[1.0, 1.0], [1.0, -1.0]]
        >>> table = scores_table({name: score(codes, factors, ["mig"]) for name, codes in [("a", exact), ("b", mixed)]})
        >>> list(table.columns), bool(table.loc["mig", "a"] > table.loc["mig", "b"])
        (['a', 'b'], True)
    """
    import pandas as pd

    found = {
        name: {_key(record): record.score for record in records} for name, records in _records_of(subjects).items()
    }
    keys = list(dict.fromkeys(key for scores in found.values() for key in scores))
    columns = {name: [scores.get(key) for key in keys] for name, scores in found.items()}
    return pd.DataFrame(columns, index=pd.Index(distinct_labels(keys), name="metric"), dtype=float)


def _records_of(subjects: Any) -> dict[str, Sequence[ScoreRecord]]:
    expected = "what harness.score or harness.evaluate returned, or a trial of harness.Results"
    if not isinstance(subjects, Mapping) or isinstance(subjects, Scores):
        kind = type(subjects).__name__
        raise UserError(f'scores_table: expected a dictionary, {{"a name": {expected}}}, got {kind}')
    found = {}
    for name, subject in subjects.items():
        records = getattr(subject, "records", None)
        if not isinstance(records, Sequence):
            raise UserError(f"scores_table: '{name}': expected {expected}, got {type(subject).__name__}")
        found[name] = records
    return found


def _key(record: ScoreRecord) -> tuple[str, str]:
    """What a score is comparable by: its metric, and the settings as JSON."""
    return record.metric, json.dumps(record.settings)


def _text(record: ScoreRecord) -> str:
    if record.score is None:
        return f"{record.status}: {record.reason}"
    return f"{record.score:.4g}" + ("" if record.higher_is_better else "  (lower is better)")
