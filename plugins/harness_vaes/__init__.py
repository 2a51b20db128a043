"""Built-in plugin: variational autoencoders, and one that is not."""

from harness import Register, hookimpl


@hookimpl
def harness_register_models(register: Register) -> None:
    """Register the VAE, its descendants and QLAE."""
    register("vae", "harness_vaes.vae:VAE", "VAE (Kingma & Welling, 2014)")
    register("beta-vae", "harness_vaes.beta_vae:BetaVAE", "beta-VAE (Higgins et al., 2017); beta 1 is the plain VAE")
    register("annealed-vae", "harness_vaes.annealed_vae:AnnealedVAE", "AnnealedVAE (Burgess et al., 2018)")
    register("factor-vae", "harness_vaes.factor_vae:FactorVAE", "FactorVAE (Kim & Mnih, 2018)")
    register("beta-tcvae", "harness_vaes.beta_tcvae:BetaTCVAE", "beta-TCVAE (Chen et al., 2018)")
    register("dip-vae-1", "harness_vaes.dip_vae:DIPVAE1", "DIP-VAE-I (Kumar et al., 2018)")
    register("dip-vae-2", "harness_vaes.dip_vae:DIPVAE2", "DIP-VAE-II (Kumar et al., 2018)")
    register("ada-gvae", "harness_vaes.ada_gvae:AdaGVAE", "Ada-GVAE, learns from pairs (Locatello et al., 2020)")
    register("ada-ml-vae", "harness_vaes.ada_gvae:AdaMLVAE", "Ada-ML-VAE, learns from pairs (Locatello et al., 2020)")
    register(
        "group-vae",
        "harness_vaes.group_vae:GroupVAE",
        "GroupVAE, told how many factors a pair shares (Hosoya, 2019)",
    )
    register("hfs-vae", "harness_vaes.hfs_vae:HFSVAE", "HFS, for correlated factors (Roth et al., 2023)")
    register("info-vae", "harness_vaes.info_vae:InfoVAE", "InfoVAE with MMD (Zhao et al., 2019)")
    register("qlae", "harness_vaes.qlae:QLAE", "QLAE, whose latents take few values (Hsu et al., 2023)")
    register("slow-vae", "harness_vaes.slow_vae:SlowVAE", "SlowVAE, learns from small changes (Klindt et al., 2021)")
    register("tripod", "harness_vaes.tripod:Tripod", "Tripod, three biases for quantised latents (Hsu et al., 2024)")
