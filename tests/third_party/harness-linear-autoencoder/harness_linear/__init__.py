"""A third party's plugin: one model, found through the entry point."""

import harness


@harness.hookimpl
def harness_register_models(register):
    """Register the linear autoencoder."""
    register("linear-autoencoder", "harness_linear.model:LinearAutoencoder", "principal components, learned slowly")
