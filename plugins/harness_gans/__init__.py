"""Built-in plugin: generative adversarial models."""

from harness import Register, hookimpl


@hookimpl
def harness_register_models(register: Register) -> None:
    """Register DCGAN and WGAN-GP, their descendants that infer codes, and those that reconstruct images."""
    register("dcgan", "harness_gans.dcgan:DCGAN", "DCGAN (Radford et al., 2016)")
    register("wgan-gp", "harness_gans.wgan_gp:WGANGP", "WGAN-GP (Gulrajani et al., 2017)")
    register("infogan", "harness_gans.infogan:InfoGAN", "InfoGAN (Chen et al., 2016)")
    register(
        "infogan-modified", "harness_gans.infogan_modified:InfoGANModified", "InfoGAN as modified by Lin et al. (2020)"
    )
    register("infogan-cr", "harness_gans.infogan_cr:InfoGANCR", "InfoGAN-CR (Lin et al., 2020)")
    register("alpha-gan", "harness_gans.alpha_gan:AlphaGAN", "alpha-GAN (Rosca et al., 2017)")
    register("alpha-wgan-gp", "harness_gans.alpha_wgan_gp:AlphaWGANGP", "alpha-GAN with critics (Kwon et al., 2019)")
    register("age", "harness_gans.age:AGE", "AGE (Ulyanov et al., 2018)")
