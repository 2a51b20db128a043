"""Built-in plugin: variational autoencoders."""

from harness.hookspecs import hookimpl
from harness.plugins import Register


@hookimpl
def harness_register_models(register: Register) -> None:
    """The VAE family."""
    register("beta-vae", "harness_vaes.beta_vae:BetaVAE", "beta-VAE (Higgins et al., 2017); beta 1 is the plain VAE")
