"""What codes do to handwriting, in numbers: `python measure_codes.py RESULTS_FOLDER [TRIAL]`, of a model of digits."""

import sys

import pandas as pd
import torch

import harness
from harness.pictures import codes_of, traversal

COLUMNS = 500  # Digits, each at the lowest and at the highest value of a code.


def shapes(images):
    """Slant in degrees to the right, width without it in pixels, and ink in % of the image, of images (n, 1, H, W)."""
    ink = images[:, 0].double()
    total = ink.sum((1, 2))
    rows, columns = torch.meshgrid(*(torch.arange(size).double() for size in ink.shape[1:]), indexing="ij")

    def moment(values):
        return (ink * values).sum((1, 2)) / total

    down, right = (values - moment(values)[:, None, None] for values in (rows, columns))
    shear = -moment(down * right) / moment(down**2)
    upright = right + shear[:, None, None] * down
    return {
        "slant, degrees": shear.atan().rad2deg(),
        "width, pixels": 2 * moment(upright**2).sqrt(),
        "ink, %": 100 * total / ink[0].numel(),
    }


results = harness.Results(sys.argv[1])
trial = results.trial(sys.argv[2]) if len(sys.argv) > 2 else results.trials[0]
model = trial.model()
others = model.sample_latents(range(COLUMNS))
rows = {}
for code in codes_of(model.latents):
    if code.name.startswith("continuous"):
        low, high = (shapes(model.generate(latents)) for latents in traversal(code, others, 2))
        rows[code.name] = {name: (high[name] - low[name]).nanmedian().item() for name in low}
print(f"{trial.title}: median change of {COLUMNS} digits from one end of a code to the other")
print(pd.DataFrame(rows).T.round(1).to_string())
