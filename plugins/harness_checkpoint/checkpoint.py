"""A model that was trained elsewhere: loaded from a file, never trained, scored as any other."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from harness import Field, FilePath, ImageSpec, LatentSpace, Model, Normal, Objective, Settings, UserError
from harness_checkpoint.module_files import built, parameters, torchscript

ABILITIES = {"encode": "(n, D) codes", "generate": "(n, C, H, W) images", "reconstruct": "(n, C, H, W) images"}
"""What a checkpoint may be able to do, and what comes of it."""


class Checkpoint(Model):
    """A model that was trained elsewhere, with the methods that its module has.

    Images that its methods take and give are (n, C, H, W), float32 in [0, 1].
    """

    class Config(Settings):
        file: FilePath = Field(
            description="a TorchScript archive; or, with `code`, parameters: safetensors or a state dict"
        )
        code: FilePath | None = Field(None, description="a Python file that builds the module; it is run")
        build: str = Field("build", description="the function or class of `code` that is called")
        arguments: dict[str, Any] = Field({}, description="its arguments, by name")
        entry: str = Field("", description="the entry of `file` that holds the parameters, where it holds more")
        can: list[Literal["encode", "generate", "reconstruct"]] = Field(
            ["encode"], min_length=1, description="the module's methods; one that only encodes may be called itself"
        )
        latents: int = Field(0, ge=0, description="standard normal latents that `generate` takes")
        code_groups: list[int] = Field([], description="the group of each column where several columns are one code")
        origin: str = Field("", description="who trained it on what, and where it is from: an address, a commit")

    source = "as its `origin` says"
    trained_elsewhere: ClassVar[bool] = True
    config: Config

    def __init__(self, config: Config, image: ImageSpec) -> None:
        super().__init__(config, image)
        self.code_groups = tuple(config.code_groups)
        if "generate" in config.can:
            if not config.latents:
                raise UserError("checkpoint: a model that can generate has `latents`, a number of them")
            self.latents = LatentSpace({"codes": Normal(config.latents)})
        self.module = (
            torchscript(config.file) if config.code is None else built(config.code, config.build, config.arguments)
        )
        if config.code is not None:
            self._check(parameters(config.file, config.entry))
        for ability in config.can:
            if ability != "encode" and not callable(getattr(self.module, ability, None)):
                raise UserError(f"checkpoint: the module has no method `{ability}`, which `can` says")

    def _check(self, found: dict[str, Tensor]) -> None:
        """Ask that a file holds the module's parameters, each in its shape."""
        expected = {name: tuple(value.shape) for name, value in self.module.state_dict().items()}
        shapes = {name: tuple(value.shape) for name, value in found.items()}
        for name in (*expected, *shapes):
            if expected.get(name) != shapes.get(name):
                raise UserError(
                    f"{self.config.file}: does not fit the module that {self.config.build} of {self.config.code} "
                    f"builds: {name} has the shape {shapes.get(name, 'none')} in the file and "
                    f"{expected.get(name, 'none')} in the module"
                )

    def after_initialise(self) -> None:
        """Load the parameters, if the file holds nothing else."""
        if self.config.code is not None:
            self.module.load_state_dict(parameters(self.config.file, self.config.entry))

    def objectives(self) -> list[Objective]:
        """None: it has been trained."""
        return []

    @classmethod
    def abilities(cls, config: Settings) -> Sequence[str]:
        """Those that `can` lists."""
        assert isinstance(config, Checkpoint.Config)
        return config.can

    def encode(self, images: Tensor) -> Tensor:
        """What the module's `encode` gives, or the module itself: (N, D)."""
        return self._of_module("encode", images)

    def generate(self, latents: Tensor) -> Tensor:
        """What the module's `generate` gives: images (N, C, H, W)."""
        return self._of_module("generate", latents)

    def reconstruct(self, images: Tensor) -> Tensor:
        """What the module's `reconstruct` gives: images (N, C, H, W)."""
        return self._of_module("reconstruct", images)

    def _of_module(self, ability: str, inputs: Tensor) -> Tensor:
        """Call a method of the module and check what it gives."""
        found = getattr(self.module, ability, None)
        given = (found if callable(found) else self.module)(inputs)
        dimensions = 2 if ability == "encode" else 4
        if not isinstance(given, Tensor) or given.ndim != dimensions or len(given) != len(inputs):
            shape = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
            raise UserError(f"checkpoint: {ability} gives {shape}, expected {ABILITIES[ability]} for n = {len(inputs)}")
        return given.to(torch.float32)
