"""Built-in plugin: settings suggested by Optuna (the extra `optuna`)."""

from harness import Register, hookimpl


@hookimpl
def harness_register_samplers(register: Register) -> None:
    """Register the sampler."""
    register("optuna", "harness_optuna.sampler:OptunaSampler", "tree-structured Parzen estimators of Optuna")
