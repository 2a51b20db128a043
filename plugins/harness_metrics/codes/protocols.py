"""Sizes of samples that the published protocols share.

Those of disentanglement_lib (Locatello et al. 2019, arXiv:1811.12359) are the numbers of observations of its study
`unsupervised_study_v1`. How InfoGAN-CR's authors draw groups is in `groups.py`.
"""

from harness import Field, Settings

TRAIN_POINTS = 10_000
"""Observations that estimators learn from, and that information and variances are estimated on."""

TEST_POINTS = 5_000
"""Other observations, which tell how well what was learnt holds."""


class SampledSettings(Settings):
    """The number of observations that a metric learns from."""

    points: int = Field(
        TRAIN_POINTS,
        gt=1,
        description="observations that are learnt from; InfoGAN-CR's authors take a tenth of the dataset "
        "(73,728 of dSprites, 20,000 teapots)",
    )
