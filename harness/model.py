"""The contract of a model: networks and losses; the harness does the rest."""

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from harness._constructed import Constructed, copies, is_drawn
from harness._shared_memory import shared_memory
from harness.config import Settings
from harness.errors import ContractError, NotApplicableError, UserError
from harness.latents import LatentSpace
from harness.objective import Objective
from harness.pairs import Pairs
from harness.rng import Rng
from harness.seeds import governed

ABILITIES = ("encode", "generate", "reconstruct", "posterior", "kl", "features")
"""What a model may be able to do beside training; each is a method that it overrides, see `Model.abilities`."""


@dataclass(frozen=True)
class ImageSpec:
    """The shape of one image."""

    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.channels}x{self.height}x{self.width}"

    def require(self, condition: bool, model: str, expected: str) -> None:
        """Raise a UserError that names the model and the images it expects, unless `condition`."""
        if not condition:
            raise UserError(f"{model} cannot take {self} images (channels x height x width); it expects {expected}")


class Model(nn.Module):
    """Base class of every model.

    A subclass declares its hyperparameters as a nested `Config`, builds its networks in
    `__init__(config, image)`, lists its `objectives` and overrides those of `encode`, `generate`,
    `reconstruct`, `posterior`, `kl` and `features` that it can really do; metrics that need another
    one do not apply to it. Where hyperparameters decide what it can, `abilities` tells. Loops,
    optimizers, checkpoints and resumption are not its business.

    The one rule: losses are pure. Every random number of a step comes from `draw`, so that a loss is
    a function of the parameters, the images and the draws and of nothing else. (Batch normalisation
    may update its running averages.)

    Attributes:
        config: the resolved hyperparameters.
        image: the shape of the images the model is trained on.
        latents: the prior that `generate` is fed from; None for a model that cannot generate.
        code_noise: how many random numbers `represent` takes for each image; 0 where codes are not random.
        code_groups: the group of each column of `encode`, where several columns are one code: (0, 0, 1, 1) for two
            codes of two columns. Metrics then see one column per code, each group's first principal component.
    """

    class Config(Settings):
        """Overridden by a subclass that has hyperparameters."""

    source: ClassVar[str] = ""
    """The paper, with its number, that the model is from."""

    trained_elsewhere: ClassVar[bool] = False
    """Whether its parameters are those of a file, so that a trial does no training steps and has one seed."""

    latents: LatentSpace | None = None

    code_noise: int = 0

    code_groups: Sequence[int] = ()

    _as_constructed = False
    """Whether it is being built: layers are then as the constructor has left them."""

    def __init__(self, config: Settings, image: ImageSpec) -> None:
        super().__init__()
        self.config = config
        self.image = image

    # What a model must have.

    def objectives(self) -> list[Objective]:
        """The updates of one training step, in order."""
        raise NotImplementedError(f"{type(self).__name__} must list its objectives")

    # What a model may have.

    def pairs(self) -> Pairs | None:
        """How partners are drawn, for a model that learns from pairs of images; None for one that does not.

        The losses are then given 2N images for a batch of N, first N and then the partner of each, and `draw` is asked
        for 2N. Where the dataset has factors, the draws hold `changed` too: bool (N, F), which of them differ.
        """
        return None

    def draw(self, n: int, rng: Rng) -> dict[str, Tensor]:
        """All random numbers that the losses need for a batch of n images."""
        return {}

    def schedule(self, step: int) -> Mapping[str, float]:
        """Numbers that change with the step, such as an annealed weight.

        They reach the losses among the draws, each as a 0-dimensional tensor under its name.
        """
        return {}

    def milestones(self) -> Mapping[str, int]:
        """The last step, counted from 0, at which each setting of the model's schedule changes something.

        Such as the step at which a term switches on, under the setting's name. A training that ends before it is
        warned of: what the setting asks for never comes.
        """
        return {}

    def initialise(self, layer: nn.Module, rng: Rng) -> None:
        """Set the initial parameters of one layer (one module that owns parameters itself).

        A model that overrides this is asked it for every layer right after `__init__`. Without it a model starts
        with what `__init__` left in its parameters, and so does a layer that an override leaves to this default.

        The default is for networks that are re-initialised during training: a layer's own `reset_parameters`, or
        `_reset_parameters` as attention has it. Buffers are left alone then.
        """
        if self._as_constructed:
            return
        reset = getattr(layer, "reset_parameters", getattr(layer, "_reset_parameters", None))
        if callable(reset):
            buffers = {name: buffer.clone() for name, buffer in layer.named_buffers(recurse=False)}
            with rng.governing_torch():
                reset()
            for name, buffer in buffers.items():
                getattr(layer, name).copy_(buffer)

    def pretrained(self) -> Sequence[nn.Module]:
        """Networks that come with their parameters from elsewhere: they are never initialised, nor need be trained."""
        return ()

    def after_initialise(self) -> None:
        """Set parameters that depend on others or on a file, once, after every layer has been initialised.

        Such as a `load_state_dict`, or an average of weights that begins as a copy of the generator's. Without
        gradients.
        """

    def finish_step(self) -> None:
        """Update state that belongs to no objective, once per step after all updates, without gradients."""

    @classmethod
    def abilities(cls, config: Settings) -> Collection[str]:
        """Which of `encode`, `generate`, ... a model with these hyperparameters can really do.

        By default those that the class overrides. It is asked before anything is built.
        """
        return overridden(cls)

    def encode(self, images: Tensor) -> Tensor:
        """The representation of (N, C, H, W) images in [0, 1]: (N, D), one column per code."""
        raise NotApplicableError("the model has no encoder")

    def represent(self, images: Tensor, noise: Tensor) -> Tensor:
        """The codes that metrics see, (N, D): those of `encode`, unless a model samples them.

        Such a model overrides this too and says in `code_noise` how many standard normal numbers it takes for
        each image, (N, code_noise). The evaluation draws them: each image of the dataset has its own, once and
        for all, so that its code is the same whenever and beside whichever other images it is asked for.
        """
        return self.encode(images)

    def generate(self, latents: Tensor) -> Tensor:
        """(N, Z) latent vectors to (N, C, H, W) images in [0, 1]."""
        raise NotApplicableError("the model has no generator")

    def reconstruct(self, images: Tensor) -> Tensor:
        """(N, C, H, W) images in [0, 1] to their reconstructions, the same shape."""
        raise NotApplicableError("the model does not reconstruct")

    def posterior(self, images: Tensor) -> dict[str, Distribution]:
        """The inferred distribution of each code part of `latents`, by its name, given (N, C, H, W) images.

        `log_prob` of each takes the (N, part width) latents and returns (N,) in nats.
        """
        raise NotApplicableError("the model infers no distribution over its codes")

    def kl(self, images: Tensor) -> Tensor:
        """(N, D) divergence in nats of each code's posterior from its prior (variational models)."""
        raise NotApplicableError("the model has no variational posterior")

    def features(self, images: Tensor) -> list[Tensor]:
        """What a network trained without labels sees in (N, C, H, W) images in [0, 1], layer by layer.

        One (N, channels, height, width) map for each convolutional layer of the network, from the
        image onwards, after its activation.
        """
        raise NotApplicableError("the model has no image features")

    # What the harness asks.

    def can(self, ability: str) -> bool:
        """Whether the model has `ability`, one of `ABILITIES`."""
        return ability in self.abilities(self.config)


def overridden(model_class: type[Model]) -> list[str]:
    """Those of `ABILITIES` that a class of models overrides."""
    return [ability for ability in ABILITIES if getattr(model_class, ability) is not getattr(Model, ability)]


def build(model_class: type[Model], config: Settings, image: ImageSpec, rng: Rng) -> Model:
    """A freshly initialised model on the CPU.

    Raises:
        UserError: the model cannot take such images.
        ContractError: `initialise` would undo what the constructor has set, or parameters are tied by their memory.
    """
    watched = Constructed(model_class)
    with _governing(rng), watched if model_class.initialise is not Model.initialise else nullcontext():
        model = model_class(config, image)
    _check_tensors(model)
    if model_class.initialise is not Model.initialise:
        _initialise_watched(model, watched, rng)
    if model_class.after_initialise is not Model.after_initialise:
        with _governing(rng), torch.no_grad():
            model.after_initialise()
        _check_tensors(model)
    return model


def outline(model_class: type[Model], config: Settings, image: ImageSpec) -> Model:
    """A model that tells its structure: without memory for its parameters, unless its constructor reads numbers.

    Raises:
        UserError: the model cannot take such images.
        ContractError: parameters are tied by their memory.
    """
    with warnings.catch_warnings():  # What is said of a copy that has no numbers to copy; the rest is said by `build`.
        warnings.simplefilter("ignore")
        try:
            with torch.device("meta"):
                model = model_class(config, image)
        except UserError:
            raise
        except Exception:  # Such as for `Tensor.item`.
            with _governing(Rng.of("outline")):
                model = model_class(config, image)
    _check_tensors(model)
    return model


def _check_tensors(model: Model) -> None:
    """Ask that parameters have sizes, and memory of their own.

    Raises:
        ContractError: some have not.
    """
    kind = type(model).__name__
    if lazy := [name for name, parameter in model.named_parameters() if nn.parameter.is_lazy(parameter)]:
        raise ContractError(
            f"{kind}: {_a_few(lazy)} have no size yet; give layers their sizes, as nn.Linear(8, 4) does"
        )
    if tied := shared_memory(model):
        raise ContractError(
            f"{kind}: {_a_few(tied)} share memory, which ends where a model is moved to a GPU or stacked in a fleet; "
            "give layers one parameter (b.weight = a.weight), have losses compute one from the other, or `clone` it"
        )


def _initialise_watched(model: Model, watched: Constructed, rng: Rng) -> None:
    """Initialise every layer of a model whose constructor was watched.

    Raises:
        ContractError: that would undo what the constructor has set.
    """
    chosen, copied, libraries = watched.chosen(model), copies(model), watched.by_libraries(model)
    model._as_constructed = True
    initialise(model, model, rng)
    del model._as_constructed
    lost = [name for name, value in chosen.items() if not torch.equal(model.get_parameter(name), value)]
    if drawn := libraries.intersection(lost):
        with _governing(Rng.of("another construction")):
            other = dict(type(model)(model.config, model.image).named_parameters())
        # Numbers that come from nowhere else than a library's own initialisation, which the model replaces by its own.
        lost = [name for name in lost if name not in drawn or not is_drawn(chosen[name], other[name])]
    for name, tensors in copied.items():
        if name not in lost:
            value = model.get_parameter(name)
            apart = [other for other, tensor in tensors if not torch.equal(tensor, value)]
            lost += [other for other in apart if not {name, other} <= libraries]
    if lost := list(dict.fromkeys(lost)):
        raise ContractError(
            f"{type(model).__name__}: the constructor loads, copies or sets {_a_few(lost)}, which `initialise` "
            "replaces by other numbers, or what it was copied from; do that in `after_initialise`, or list the network "
            "in `pretrained`"
        )


def objectives_of(model: Model) -> list[Objective]:
    """The model's objectives, in update order.

    Raises:
        ContractError: it returns something else than a list of them, or one trains what is no part of the model.
    """
    found = model.objectives()
    if not isinstance(found, list | tuple) or not all(isinstance(objective, Objective) for objective in found):
        kind = type(found).__name__
        raise ContractError(
            f"{type(model).__name__}.objectives returns {kind}, not a list of Objective: [Objective(...)]"
        )
    own = {id(parameter) for parameter in model.parameters()}
    for objective in found:
        if any(id(parameter) not in own for parameter in objective.parameters()):
            raise ContractError(
                f"{type(model).__name__}: objective '{objective.name}' trains a layer that is no part of the model, so "
                "that no file would hold it; make it an attribute of the model, or several of them an nn.ModuleList"
            )
    return list(found)


def initialise(model: Model, network: nn.Module, rng: Rng) -> None:
    """Initialise every layer of one of the model's networks but those that are pretrained, in a fixed order.

    What `initialise` draws from global generators in place of `rng` is decided by its state.
    """
    kept = {layer for pretrained in model.pretrained() for layer in pretrained.modules()}
    # `_reset_parameters` is by convention about the layers within, too, and so comes after theirs.
    layers = sorted(network.modules(), key=lambda layer: hasattr(layer, "_reset_parameters"))
    with governed("initialise", rng.state.tolist()):
        for layer in layers:
            if layer not in kept and any(True for _ in layer.parameters(recurse=False)):
                model.initialise(layer, rng)


@contextmanager
def _governing(rng: Rng) -> Iterator[None]:
    """Within this block all global generators follow one, and are put back after."""
    with governed("model", rng.generator.initial_seed()), rng.governing_torch():
        yield


def _a_few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
