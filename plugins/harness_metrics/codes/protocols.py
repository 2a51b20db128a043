"""Sizes of samples that the published protocols share.

Those of disentanglement_lib (Locatello et al. 2019, arXiv:1811.12359) are the numbers of observations of its study
`unsupervised_study_v1`. How InfoGAN-CR's authors draw groups is in `groups.py`.
"""

TRAIN_POINTS = 10_000
"""Observations that estimators learn from, and that information and variances are estimated on."""

TEST_POINTS = 5_000
"""Other observations, which tell how well what was learnt holds."""
