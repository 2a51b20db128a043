"""The card of a published study: what it is, how it was made, and how it is cited."""

import json
import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import pandas as pd

from harness.registry import DISTRIBUTION
from harness.results.result import Result
from harness.results.status import StudyStatus
from harness.summary.rounding import short
from harness.summary.versions import version_notes

PROVENANCE = {
    DISTRIBUTION: "version of disentanglement-harness",
    "code_commit": "its commit",
    "git_commit": "commit of the working directory",
    "torch": "version of torch",
    "python": "version of Python",
    "device": "device",
    "engine": "engine",
    "threads": "CPU threads",
}
"""What of a trial's provenance the card tells; results have all of it."""


@dataclass(frozen=True)
class Card:
    """What a study's card says beside its numbers.

    Attributes:
        title: of the study.
        authors: who publishes it, as they want to be cited.
        tables: names of the tables that are published.
        made_at: when, ISO 8601.
    """

    title: str
    authors: Sequence[str]
    tables: Sequence[str]
    made_at: str

    def readme(self, status: StudyStatus, scores: pd.DataFrame, leaderboard: pd.DataFrame) -> str:
        """README.md: text in Markdown, with what the Hugging Face Hub reads at its head."""
        return "\n".join(
            [
                *self._head(),
                f"# {plain(self.title)}",
                "",
                *study_lines(status),
                "",
                "`index.html` shows it, without a network. `harness leaderboard FOLDER` prints it from the tables.",
                "`pandas.read_parquet` reads them; every column says what it means in the file's schema.",
                "",
                "## Leaderboard",
                "",
                *leaderboard_lines(leaderboard),
                "",
                "## How it was made",
                "",
                "    harness run suite.toml",
                "",
                "`suite.toml` lists every trial with every setting written out; they have the same identities.",
                f"Published by `harness publish`, {version(DISTRIBUTION)} on Python {platform.python_version()}, "
                f"{self.made_at}.",
                "",
                "| trials | by |",
                "| --- | --- |",
                *provenance_lines([result for _, result in status.ended]),
                *[f"\nNote: {plain(note)}." for note in version_notes(scores)],
                "",
            ]
        )

    def _head(self) -> Iterator[str]:
        yield from ("---", f"pretty_name: {json.dumps(self.title)}", "tags:", "- disentanglement")
        yield "configs:"
        for number, table in enumerate(self.tables):
            yield f"- config_name: {table}\n  data_files: {table}.parquet" + ("" if number else "\n  default: true")
        yield "---"

    def citation(self) -> str:
        """CITATION.cff of the study."""
        return "\n".join(
            [
                "cff-version: 1.2.0",
                'message: "If you use these results, please cite them, and the papers of the models, metrics and data '
                'sets (`harness show NAME` names them)."',
                "type: dataset",
                f"title: {json.dumps(self.title)}",
                f"date-released: {self.made_at[:10]}",
                "authors:",
                *[f"- name: {json.dumps(author)}" for author in self.authors or [f"The authors of {self.title}"]],
                "references:",
                "- type: software",
                '  title: "harness: a plugin-based benchmark harness for disentangling generative models"',
                f"  version: {json.dumps(version(DISTRIBUTION))}",
                "  authors:",
                '  - name: "The harness developers"',
                "",
            ]
        )


def study_lines(status: StudyStatus) -> Iterator[str]:
    """What a study is made of, as a list in Markdown."""
    suite = status.suite
    models = ", ".join(dict.fromkeys(trial.label for trial in suite.trials))
    datasets = ", ".join(dict.fromkeys(trial.dataset.name for trial in suite.trials))
    yield f"- {len(suite.trials)} trials, of which {len(status.finished)} are finished, on {plain(datasets)}"
    yield f"- models: {plain(models)}"
    yield f"- metrics: {plain(', '.join(metric.name for metric in suite.metrics)) or 'none'}"
    yield f"- selectors: {plain(', '.join(selector.name for selector in suite.selectors)) or 'none'}"
    chosen = Counter((trial.chosen_by, trial.labels_seen) for trial in suite.trials if trial.chosen_by)
    for (aim, labels), count in chosen.items():
        yield f"- {count} trials were chosen to be trained by {plain(aim)}, which sees of labels: {labels}"


def leaderboard_lines(board: pd.DataFrame) -> Iterator[str]:
    """A leaderboard as a table in Markdown."""
    yield "| model | swept | metric | mean | 95 % interval | n |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for row in board.to_dict("records"):
        swept = ", ".join(f"{name}={value}" for name, value in json.loads(row["swept"]).items())
        mean = "" if row["status"] != "ok" else f"{short(row['mean'])}"
        low, high = short(row["ci_low"]), short(row["ci_high"])
        interval = "" if low is None or high is None else f"{low} to {high}"
        cells = [str(row["model"]), swept, str(row["metric"]), mean or str(row["status"]), interval, str(row["n"])]
        yield "| " + " | ".join(map(plain, cells)) + " |"


def provenance_lines(results: Sequence[Result]) -> Iterator[str]:
    """A row for each version, commit or device, and how many trials it is behind."""
    for key, meaning in PROVENANCE.items():
        counts = Counter(_text(result.provenance, key) for result in results)
        yield from (f"| {count} | {meaning}: {plain(value)} |" for value, count in counts.items() if value)


def _text(provenance: Mapping[str, Any], key: str) -> str:
    return str(provenance.get(key, ""))


def plain(text: str) -> str:
    """Text of a suite's or a plugin's as it stands, in Markdown: a single line without markup."""
    escaped = "".join(f"\\{letter}" if letter in "\\`*_[]<>|#&" else letter for letter in text)
    return " ".join(escaped.split())
