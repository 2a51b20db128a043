"""Built-in plugin: models that were trained elsewhere, in suites beside those that are trained here."""

from harness import Register, hookimpl


@hookimpl
def harness_register_models(register: Register) -> None:
    """Register the model whose parameters are a file."""
    register("checkpoint", "harness_checkpoint.checkpoint:Checkpoint", "any model that was trained elsewhere")
