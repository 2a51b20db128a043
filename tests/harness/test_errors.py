"""How a near miss is worded."""

import pytest

from harness.errors import nearest

NAMES = ["beta-tcvae", "beta-vae", "factor-vae", "factorvae", "mig", "mig-sup", "sprites", "udr-lasso", "udr-spearman"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("MIG", "'mig'"),
        ("beta_vae", "'beta-vae'"),
        ("BetaVAE", "'beta-vae'"),
        ("mig_sup", "'mig-sup'"),
        ("factor", "'factorvae' or 'factor-vae'"),
        ("FactorVAE", "'factor-vae' or 'factorvae'"),
        ("tcvae", "'beta-tcvae'"),
        ("udr", "'udr-lasso' or 'udr-spearman'"),
        ("dsprites", "'sprites'"),
        ("mgi", "'mig'"),
    ],
)
def test_a_name_is_meant_whatever_its_case_and_hyphens_and_also_by_a_part_of_it(name, meant):
    assert nearest(name, NAMES) == f"did you mean {meant}?"


@pytest.mark.parametrize("name", ["", "z", "-", "nothing-like-it"])
def test_where_nothing_is_near_all_are_named(name):
    assert nearest(name, NAMES) == f"choose from: {', '.join(NAMES)}"
