"""The standard set of benchmarks, the same cases on every machine, so that numbers can be compared."""

from harness.benchmark.measure import Case
from harness.benchmark.time_to_score import Race

SPRITES = {"scales": 2, "orientations": 13, "orientation_end": False, "positions_x": 8, "positions_y": 8}
"""A part of the grid, so that it is drawn in a moment; training is as fast as on the whole."""

STANDARD = (
    Case("infogan-cr", "sprites", 64, dataset_settings=SPRITES),
    Case("factor-vae", "sprites", 64, dataset_settings=SPRITES),
    Case("dcgan", "sprites", 128, dataset_settings={**SPRITES, "variant": "color"}),
    Case("alpha-gan", "color-digits", 64),
    Case("wgan-gp", "color-digits", 64),
)
"""64x64 sprites, those of DCGAN in colour, and 32x32 digits in colour."""

GPU_WAYS = (
    *(("eager", 1), ("graph", 1), ("compiled", 1)),
    *(("graph", fleet) for fleet in (2, 4, 8, 16, 32)),
    *(("eager", 16), ("compiled", 16)),
)
"""Engines, and models trained as one, that are measured on a GPU: what recording and compiling gain, and until when a
larger fleet does."""

STUDY = (STANDARD[0].model, 50 * 322_560)
"""A model, and the steps of its paper's study on dSprites: 50 seeds, 28 epochs each (Lin et al., 2020)."""

RACE = Race(
    Case(
        "beta-tcvae",
        "sprites",
        64,
        settings={"width": 0.5, "learning_rate": 1e-3, "beta": 4.0},
        dataset_settings={**SPRITES, "image_size": 32},
    ),
    metric="factorvae",
    target=0.7,
    every=250,
    steps=2_000,
)
"""Beta-TCVAE on 32x32 sprites until one has a FactorVAE score of 0.7."""
