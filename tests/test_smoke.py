"""The smoke suites keep what they promise: a few hundred steps improve every model by a margin."""

import json

import pytest

from harness.plugins.manager import PluginManager
from support import ROOT

SMOKE = [ROOT / "suites" / name for name in ("smoke.toml", "smoke_pairs.toml")]
MARGINS = {
    "reconstruction-error": lambda untrained, trained: trained < 0.5 * untrained,
    "mi-bound": lambda untrained, trained: trained > untrained + 0.1,
    "wasserstein-critic": lambda untrained, trained: trained < 0.7 * untrained,
}
"""When a score counts as learnt; the first suite's first lines say the same."""


@pytest.fixture(scope="module")
def scores(tmp_path_factory, run_process):
    """{model: {metric: [untrained, trained]}} of one run of each suite."""
    folder = tmp_path_factory.mktemp("smoke")
    for suite in SMOKE:
        run = run_process("run", suite, "--output", folder / suite.stem, timeout=3000)
        assert run.returncode == 0, run.stderr
    found = {}
    for file in folder.glob("*/trials/*/trial.json"):
        trial = json.loads(file.read_text())
        result = json.loads(file.with_name("result.json").read_text())
        for record in result["scores"]:
            if record["status"] == "ok":
                steps = found.setdefault(trial["label"], {}).setdefault(record["metric"], {})
                steps[trial["training"]["steps"]] = record["score"]
    return {
        model: {metric: [value for _, value in sorted(steps.items())] for metric, steps in metrics.items()}
        for model, metrics in found.items()
    }


def models():
    """Every registered model that is trained here."""
    registered = PluginManager(blocked=["harness_linear"]).registry.entries["models"]
    return [name for name, entry in registered.items() if not entry.load().trained_elsewhere]


@pytest.mark.slow
@pytest.mark.parametrize("model", models())
def test_it_learns(model, scores):
    figure = next(metric for metric in MARGINS if metric in scores[model] and trained_for(model, metric))
    assert MARGINS[figure](*scores[model][figure]), (figure, scores[model][figure])


def trained_for(model, metric):
    """An InfoGAN learns information about its codes; the posteriors of other models are not trained for it."""
    return model.startswith("infogan") == (metric == "mi-bound")
