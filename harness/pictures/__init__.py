"""Pictures of datasets and of generated images; the core's commands, the report and plugins of commands draw them."""

from typing import TYPE_CHECKING

from harness._exports import lazily

if TYPE_CHECKING:
    from harness.pictures.images import pixels as pixels
    from harness.pictures.images import save as save
    from harness.pictures.images import sheet as sheet
    from harness.pictures.images import side_by_side as side_by_side
    from harness.pictures.images import tiled as tiled
    from harness.pictures.latent_paths import codes_of as codes_of
    from harness.pictures.latent_paths import on_prior as on_prior
    from harness.pictures.latent_paths import traversal as traversal
    from harness.pictures.trained_model import BATCH as BATCH
    from harness.pictures.trained_model import TrainedModel as TrainedModel

__all__, __getattr__ = lazily(
    __name__,
    {
        "harness.pictures.images": (
            "pixels",
            "save",
            "sheet",
            "side_by_side",
            "tiled",
        ),
        "harness.pictures.latent_paths": (
            "codes_of",
            "on_prior",
            "traversal",
        ),
        "harness.pictures.trained_model": (
            "BATCH",
            "TrainedModel",
        ),
    },
)


def __dir__() -> list[str]:
    return list(__all__)
