"""A plain torch autoencoder, trained by a loop of one's own, scored by every metric that applies to its codes."""

import torch
from torch import nn

import harness
from harness.api.evaluate import as_dataset
from harness.plugins.manager import PluginManager

SPRITES = {"name": "sprites", "image_size": 32, "orientations": 3, "positions_x": 8, "positions_y": 8}

torch.manual_seed(0)
images = (dataset := as_dataset(SPRITES, PluginManager().registry)).images(torch.arange(len(dataset)))
encoder = nn.Sequential(nn.Flatten(), nn.Linear(1024, 64), nn.ReLU(), nn.Linear(64, 4))
decoder = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 1024), nn.Unflatten(1, (1, 32, 32)))
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 1e-3)
for _ in range(100):
    batch = images[torch.randint(len(images), (64,))]
    error = (decoder(encoder(batch)) - batch).square().mean()
    optimizer.zero_grad()
    error.backward()
    optimizer.step()

scores = harness.evaluate(None, dataset, ["mig", "sap", "modularity", "factorvae"], encode=encoder)
print(scores)
print(scores.to_frame()[["metric", "score"]])
