"""Which selector finds the best of a few beta-VAEs without labels? Seconds; for numbers worth having, train longer."""

from pathlib import Path

import harness

SUITE = """
title = "Selectors on a small pool"
seeds = 3
[dataset]
name = "sprites"
image_size = 32
orientations = 3
positions_x = 8
positions_y = 8
[training]
steps = 40
[[models]]
name = "beta-vae"
config.width = 0.25
sweep.beta = [1.0, 4.0]
[evaluation]
metrics = ["mig"]
selectors = ["random", "udr-spearman", "supervised:mig"]
"""

Path("selector_study.toml").write_text(SUITE)
harness.run("selector_study.toml", "selector_study", options=harness.RunOptions(jobs=2))
selections = harness.Results("selector_study").selections
print(selections[["selector", "chosen", "score", "best", "regret", "rank_correlation"]].to_string(index=False))
