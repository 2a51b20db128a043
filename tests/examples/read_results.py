"""What a study left: its tables, a comparison, and the best trial's model. `python read_results.py RESULTS_FOLDER`."""

import sys

import torch

import harness

results = harness.Results(sys.argv[1])
print(results)
print(results.leaderboard[["model", "metric", "n", "mean", "ci_low", "ci_high"]].to_string(index=False))

baseline, *others = results.settings
if others:
    comparison = results.compare(baseline)
    print(comparison[["metric", "setting", "difference", "p_holm", "sentence"]].to_string(index=False))

best = results.best("mig")
print(f"best by MIG, which saw the labels: {best}")
print(best.history().tail(3).to_string(index=False))
model, dataset = best.model(), best.dataset()
print("codes of three images:", model.encode(dataset.images(torch.arange(3))))
