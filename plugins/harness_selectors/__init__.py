"""Built-in plugin: model selectors."""

from harness import Register, hookimpl


@hookimpl
def harness_register_selectors(register: Register) -> None:
    """Register the selectors, none of which needs labels."""
    register("random", "harness_selectors.random_choice:Random", "a choice at random")
    register("udr-lasso", "harness_selectors.udr:UDRLasso", "UDR with lasso weights (Duan et al., 2020)")
    register("udr-spearman", "harness_selectors.udr:UDRSpearman", "UDR with rank correlations (Duan et al., 2020)")
    register(
        "channel-information",
        "harness_selectors.channel_information:ChannelInformation",
        "information that latents of other runs carry too (Murphy et al., 2024)",
    )
    register(
        "model-centrality",
        "harness_selectors.model_centrality:ModelCentrality",
        "ModelCentrality (Lin et al., 2020)",
    )
    register(
        "model-centrality-halving",
        "harness_selectors.halving:ModelCentralityHalving",
        "ModelCentrality of large pools, by halving (Baharav & Tse, 2019)",
    )
