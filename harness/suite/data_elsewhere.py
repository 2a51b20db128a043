"""Files of a dataset that lie beside the suite, where they are not looked for."""

import os
from pathlib import Path

from harness.config import leaves
from harness.data.files import data_root, lies_in
from harness.suite.suite import Suite


def data_elsewhere_notes(suite: Suite, folder: Path) -> list[str]:
    """The settings of datasets whose files are not there and which a path below the suite's folder would name.

    Those that name one below the working directory are left to the error that the dataset ends with.
    """
    datasets = {trial.dataset.key: trial.dataset for trial in suite.trials if not trial.dataset.data}
    texts = [leaf for dataset in datasets.values() for leaf in leaves(dataset.config, "dataset")]
    return [
        f"{setting}: '{text}' is looked for in {data_root()}, and {found}"
        for setting, text in texts
        if isinstance(text, str) and not os.path.exists(text) and (found := lies_in(folder, text))
    ]
