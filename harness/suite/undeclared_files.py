"""Settings that name a file as a mere text, so that what the file holds is no part of a trial's identity."""

import os
from collections.abc import Iterator

from harness.config import leaves
from harness.suite.suite import Suite
from harness.suite.trial import Choice


def undeclared_file_notes(suite: Suite) -> list[str]:
    """The settings of a suite's plugins that name a file and are not declared to, a line for each.

    A dataset that lists its `data_files` is asked for none.
    """
    choices = [each for trial in suite.trials for each in (trial.dataset, trial.model)]
    notes = [note for choice in [*choices, *suite.metrics, *suite.selectors] for note in _notes(choice)]
    return list(dict.fromkeys(notes))


def _notes(choice: Choice) -> Iterator[str]:
    for setting, text in [] if choice.data else leaves(choice.config, choice.name):
        # A text without dot or slash is some other name, which a file happens to have too.
        if isinstance(text, str) and {".", os.sep} & set(text) and text not in choice.files and _is_file(text):
            yield (
                f"{setting} names the file {text}, whose content is no part of a trial's identity: with other content "
                "the trial is still taken for done; its plugin should declare the setting as a harness.FilePath"
            )


def _is_file(text: str) -> bool:
    try:
        return os.path.isfile(os.path.expanduser(text))
    except ValueError:  # A null byte.
        return False
