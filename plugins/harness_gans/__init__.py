"""Built-in plugin: generative adversarial models."""

from harness.hookspecs import hookimpl
from harness.plugins import Register


@hookimpl
def harness_register_models(register: Register) -> None:
    """DCGAN's descendants that infer their codes."""
    register("infogan", "harness_gans.infogan:InfoGAN", "InfoGAN (Chen et al., 2016)")
    register("infogan-modified", "harness_gans.infogan_cr:InfoGANModified", "InfoGAN as modified by Lin et al. (2020)")
    register("infogan-cr", "harness_gans.infogan_cr:InfoGANCR", "InfoGAN-CR (Lin et al., 2020)")
