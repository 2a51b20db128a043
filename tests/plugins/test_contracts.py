"""Every registered model, metric and selector keeps its contract, as `harness check` asks it of a third party's.

Datasets are asked in `datasets`, where small editions of their files are made. That models train in a fleet as alone
and with their steps recorded is asked in `test_engines.py`, more strictly.
"""

from typing import get_args

import pytest

from harness.plugins.manager import PluginManager
from harness.testing import checks

REGISTRY = PluginManager(blocked=["harness_linear"]).registry
SMALL_MODEL = {
    **dict.fromkeys(("critic_updates", "discriminator_updates", "code_discriminator_updates", "generator_updates"), 2),
    "width": 0.05,
    "code_discriminator_units": 20,
    "contrastive_start": 4,
}
"""Settings that make a model quick, and switch things on and off within a few steps, where it has them."""
SMALL = {
    "factorvae": {"train_votes": 100, "eval_votes": 50},
    "betavae": {"train_examples": 200, "eval_examples": 100},
    **{
        name: {"samples": 100, "epochs": 1, "features": "dataset"}
        for name in ("precision", "recall", "density", "coverage")
    },
    "dci-explicitness": {"trees": 3},
    "downstream-accuracy": {"sizes": [1, 4], "predictor": "logistic"},
    "inception-score": {"samples": 100, "epochs": 1},
    "mode-kl": {"samples": 100, "epochs": 1},
    "fid": {"samples": 100, "epochs": 1, "features": "dataset"},
    "kid": {"samples": 100, "epochs": 1, "features": "dataset", "subsets": 5, "subset_size": 20},
    "wasserstein-critic": {"samples": 100, "steps": 5, "width": 4},
    "memorisation": {"samples": 100},
    "variation-predictability": {"pairs": 60, "epochs": 1},
    "pipe": {"samples": 50, "examples": 64},
    "ms-ssim": {"pairs": 20},
    "model-centrality": {"groups": 20, "group_size": 10, "std_points": 100},
    "model-centrality-halving": {"groups": 20, "group_size": 10, "std_points": 100},
}
"""The same for metrics and selectors."""


def variants():
    """Every registered model that is trained here, with each of its choices of networks."""
    for name in REGISTRY.entries["models"]:
        if REGISTRY.find("models", name).load().trained_elsewhere:
            continue
        fields = REGISTRY.find("models", name).load().Config.model_fields
        small = {key: value for key, value in SMALL_MODEL.items() if key in fields}
        choice = fields.get("networks")
        for networks in get_args(choice.annotation) if choice else [None]:
            settings = {**small, "networks": networks} if networks else small
            yield pytest.param(name, settings, id=f"{name} {networks}" if networks else name)


@pytest.fixture(autouse=True, scope="module")
def _data(tmp_path_factory):
    """Classifiers that metrics train are kept among these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_DATA", str(tmp_path_factory.mktemp("data")))
        patch.delenv("HARNESS_DOWNLOAD", raising=False)
        yield


@pytest.mark.parametrize(("name", "settings"), list(variants()))
def test_a_model_keeps_its_contract(name, settings):
    for check in checks(name, settings):
        if "fleet" not in str(check) and "recorded" not in str(check):
            check()


@pytest.mark.parametrize("name", [*REGISTRY.entries["metrics"], *REGISTRY.entries["selectors"]])
def test_a_metric_or_selector_keeps_its_contract(name):
    for check in checks(name, SMALL.get(name, {})):
        check()
