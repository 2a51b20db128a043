"""Built-in plugin: datasets."""

from harness.hookspecs import hookimpl
from harness.plugins import Register


@hookimpl
def harness_register_datasets(register: Register) -> None:
    """Datasets that need no download."""
    register("sprites", "harness_datasets.sprites:Sprites", "the factor grid of dSprites, drawn by our own code")
    register("digits", "harness_datasets.digits:Digits", "scikit-learn's 1,797 handwritten digits, padded to 32x32")
