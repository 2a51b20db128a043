"""A plain torch autoencoder, trained by a loop of one's own, in one table with a trial of a suite."""

import torch
from torch import nn

import harness

SPRITES = {"name": "sprites", "image_size": 32, "orientations": 3, "positions_x": 8, "positions_y": 8}
METRICS = ["mig", "sap", "modularity", "factorvae", "betavae", "mig-sup", "jemmig", "irs", "total-correlation"]

# A trial of a suite, and its dataset.
models = [{"name": "beta-vae", "config": {"width": 0.25}}]
suite = {"dataset": SPRITES, "training": {"steps": 30}, "models": models, "evaluation": {"metrics": METRICS}}
harness.run(suite, "my_study", options=harness.RunOptions(jobs=1))
trial = harness.Results("my_study").trials[0]
dataset = trial.dataset()

# A model and a loop of one's own.
torch.manual_seed(0)
images = dataset.images(torch.arange(len(dataset)))
encoder = nn.Sequential(nn.Flatten(), nn.Linear(1024, 64), nn.ReLU(), nn.Linear(64, 4))
decoder = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 1024), nn.Unflatten(1, (1, 32, 32)))
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 1e-3)
for _ in range(100):
    batch = images[torch.randint(len(images), (64,))]
    error = (decoder(encoder(batch)) - batch).square().mean()
    optimizer.zero_grad()
    error.backward()
    optimizer.step()

# Without METRICS it is scored by all that apply, 28 of them, which takes a minute or two.
scores = harness.evaluate(None, dataset, METRICS, encode=encoder)
print(scores)
print(harness.scores_table({"my autoencoder": scores, trial.title: trial}))
