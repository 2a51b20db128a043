"""Labels for metrics and selectors: their names, and between namesakes what tells them apart."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def distinct_labels(choices: Sequence[tuple[str, str]]) -> list[str]:
    """A label for each (name, settings as JSON): the name, and between namesakes the settings in which they differ.

    >>> distinct_labels([("dci", "{}"), ("sap", '{"protocol": "a"}'), ("sap", '{"protocol": "b"}')])
    ['dci', 'sap protocol=a', 'sap protocol=b']
    """
    labels = []
    for name, settings in choices:
        own: dict[str, Any] = json.loads(settings)
        others = [json.loads(other) for namesake, other in choices if namesake == name]
        differing = [key for key in own if any(other.get(key) != own[key] for other in others)]
        labels.append(" ".join([name, *(f"{key}={own[key]}" for key in differing)]))
    return labels


def choice_in_words(title: str, tied: float | None) -> str:
    """What a selector chose, and among how many that it did not tell apart; tables of older versions do not know.

    >>> choice_in_words("vae seed=0", 1), choice_in_words("vae seed=0", 6)
    ('vae seed=0', '6 tied, one is vae seed=0')
    """
    return f"{tied:.0f} tied, one is {title}" if tied and tied > 1 else title


def metric_title(name: str, *, higher_is_better: bool) -> str:
    """A metric's name, with an arrow down where smaller scores are better.

    >>> metric_title("fid", higher_is_better=False)
    'fid ↓'
    """
    return name if higher_is_better else f"{name} ↓"


def metric_labels(table: "pd.DataFrame") -> "pd.Series[str]":
    """A label for each row's metric: its name, and between namesakes the settings in which they differ."""
    import pandas as pd

    keys = list(zip(table["metric"], table["metric_settings"], strict=True))
    pairs = list(dict.fromkeys(keys))
    labels = dict(zip(pairs, distinct_labels(pairs), strict=True))
    return pd.Series([labels[key] for key in keys], index=table.index, dtype=object)
