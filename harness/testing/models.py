"""What every model must do."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from harness.config import Settings, parse
from harness.model import ImageSpec, Model, build
from harness.objective import Loss, Objective
from harness.rng import Rng
from harness.testing.check import CheckFailed, require, require_words, unmoved
from harness.testing.fleets import compare
from harness.testing.pictures import Squares
from harness.training import checkpoint
from harness.training.batches import Batches
from harness.training.eager import EagerEngine

BATCH = 8
STEPS = 3


@dataclass(frozen=True)
class ModelSubject:
    """A model class with settings, and pictures to train it on."""

    model_class: type[Model]
    config: Settings
    pictures: Squares

    @classmethod
    def of(cls, model_class: type[Model], settings: Mapping[str, object], image: ImageSpec) -> "ModelSubject":
        """A subject.

        Raises:
            UserError: a setting is wrong.
        """
        pictures = Squares(image)
        pictures.load()
        return cls(model_class, parse(model_class.Config, settings, model_class.__name__), pictures)

    def model(self) -> Model:
        """A new model, always the same."""
        return build(self.model_class, self.config, self.pictures.image, Rng(0)).train()

    def engine(self) -> EagerEngine:
        """An engine at step 0, always the same."""
        return EagerEngine(self.model(), Batches(self.pictures, BATCH, seed=0), draws=Rng(1), resets=Rng(2))

    def inputs(self, model: Model, step: int = 0) -> tuple[Tensor, dict[str, Tensor]]:
        """A batch of pictures, and the draws and schedule of a step."""
        images = self.pictures.images(torch.arange(BATCH) * (len(self.pictures) // BATCH))
        schedule = {name: torch.tensor(value) for name, value in model.schedule(step).items()}
        return images, {**model.draw(BATCH, Rng(3)), **schedule}


def says_what_it_is(subject: ModelSubject) -> None:
    """The class and its settings are described."""
    require_words(subject.model_class, subject.model_class.Config)


def lists_its_objectives(subject: ModelSubject) -> None:
    """Objectives have names of their own and train all there is to train."""
    model = subject.model()
    objectives = model.objectives()
    require(bool(objectives), "list at least one Objective in `objectives`")
    names = [objective.name for objective in objectives]
    require(len(set(names)) == len(names), f"give the objectives different names, not {', '.join(names)}")
    for name in names:
        require("/" not in name, f"take the / out of the objective's name '{name}': columns of the history hold one")
    own = {id(parameter): name for name, parameter in model.named_parameters()}
    trained = {id(parameter) for objective in objectives for parameter in objective.parameters()}
    require(trained <= set(own), "let objectives train networks of the model only: assign them to attributes of it")
    idle = [name for key, name in own.items() if key not in trained]
    require(not idle, f"name the network of {', '.join(idle)} in an objective's `trains`, or register it as a buffer")


def losses_are_named_numbers(subject: ModelSubject) -> None:
    """Losses return finite named terms, each a single number."""
    model = subject.model()
    for objective, step, loss in _losses(model):
        terms = loss(*subject.inputs(model, step))
        require(isinstance(terms, Mapping) and bool(terms), f"return a dict of named terms from the loss {_name(loss)}")
        for term, value in terms.items():
            where = f"term '{term}' of objective '{objective.name}'"
            require(isinstance(value, Tensor) and value.dim() == 0, f"make {where} a tensor without dimensions")
            require(bool(value.isfinite()), f"{where} is {value.item()} on the first batch: start from smaller numbers")


def losses_are_pure(subject: ModelSubject) -> None:
    """The same parameters, images and draws give the same loss, and nothing is changed on the way."""
    for number, (_, step, loss) in enumerate(_losses(subject.model())):
        first, second = subject.model(), subject.model()
        inputs = subject.inputs(first, step)
        kept = deepcopy(inputs)
        before = {name: value.clone() for name, value in first.named_parameters()}
        terms = unmoved(_losses(first)[number][2], *inputs)
        require(
            all(torch.equal(value, before[name]) for name, value in first.named_parameters()),
            f"the loss {_name(loss)} changes parameters; leave that to the optimizer",
        )
        require(
            torch.equal(inputs[0], kept[0]) and all(torch.equal(v, kept[1][k]) for k, v in inputs[1].items()),
            f"the loss {_name(loss)} changes its inputs in place; work on copies",
        )
        again = _losses(second)[number][2](*kept)
        for term, value in terms.items():
            require(
                torch.equal(value, again[term]),
                f"the loss {_name(loss)} gives {value.item()} and then {again[term].item()} for '{term}' on the same "
                "inputs; draw every random number in `draw`",
            )


def draws_come_from_the_given_generator(subject: ModelSubject) -> None:
    """`draw` takes all its random numbers from the generator it is given."""
    model = subject.model()
    first = unmoved(model.draw, BATCH, Rng(3))
    again = model.draw(BATCH, Rng(3))
    for name, value in first.items():
        require(
            torch.equal(value, again[name]), f"draw '{name}' from the Rng that `draw` is given, and from nothing else"
        )


def gradients_reach_what_is_trained(subject: ModelSubject) -> None:
    """Every parameter that an objective trains has a gradient from it."""
    model = subject.model()
    for objective in model.objectives():
        parameters = objective.parameters()
        reached = [False] * len(parameters)
        for step, loss in _variants(objective):
            total = torch.stack(list(loss(*subject.inputs(model, step)).values())).sum()
            require(
                total.requires_grad, f"the loss {_name(loss)} depends on no parameter: is it inside torch.no_grad()?"
            )
            gradients = torch.autograd.grad(total, parameters, allow_unused=True)
            reached = [old or found is not None for old, found in zip(reached, gradients, strict=True)]
        names = {id(parameter): name for name, parameter in model.named_parameters()}
        missed = [names[id(p)] for p, found in zip(parameters, reached, strict=True) if not found]
        require(
            not missed,
            f"objective '{objective.name}' trains {', '.join(missed)} but its loss does not depend on it: use it in "
            "the loss, or take its network out of `trains`",
        )


def continues_from_a_checkpoint(subject: ModelSubject) -> None:
    """Training continued from a checkpoint ends with the same bits."""
    straight, halted, resumed = subject.engine(), subject.engine(), subject.engine()
    _steps(straight, 0, 2 * STEPS)
    _steps(halted, 0, STEPS)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(Path(folder, "state"), halted.state(), {})
        resumed.restore(checkpoint.load(Path(folder, "state"))[0])
    _steps(resumed, STEPS, 2 * STEPS)
    after = resumed.state()
    different = [name for name, value in straight.state().items() if not torch.equal(value, after[name])]
    require(
        not different,
        f"after a restart {', '.join(different[:5])} differ: keep what a step changes in parameters or buffers, "
        "and let `schedule` and `objectives` depend on the step alone",
    )


def trains_in_a_fleet_as_alone(subject: ModelSubject) -> None:
    """In a fleet, beside other seeds and weights, it trains as it does alone."""
    found = compare(subject.model_class, subject.config.values(), subject.pictures, steps=STEPS, double=False)
    far = [apart for apart, rounding in zip(found.apart, found.rounding, strict=True) if apart > 1e-4 + 1e3 * rounding]
    require(
        not far,
        f"in a fleet whose members differ in {', '.join(found.varied) or 'nothing but seeds'}, losses differ by "
        f"{max(far, default=0):.1g} from those alone: let losses read settings from `self.config`, and keep all else "
        "that they use in parameters and buffers",
    )


def abilities_have_the_right_shape(subject: ModelSubject) -> None:
    """What the model can do returns the shapes and ranges of the contract, image by image."""
    engine = subject.engine()
    _steps(engine, 0, 1)
    model, images = engine.model.eval(), subject.inputs(engine.model)[0]
    with torch.no_grad():
        for ability, check in ABILITY_CHECKS.items():
            if model.can(ability):
                check(model, images)


def _encode(model: Model, images: Tensor) -> None:
    codes = model.encode(images)
    require(codes.dim() == 2 and len(codes) == BATCH, f"return (N, D) codes from `encode`, not {tuple(codes.shape)}")
    _same_alone("encode", codes, model.encode(images[:2]))


def _generate(model: Model, images: Tensor) -> None:
    require(model.latents is not None, "set `self.latents`, the LatentSpace that `generate` is fed from")
    assert model.latents is not None
    latents = model.latents.draw(BATCH, Rng(4))
    made = model.generate(latents)
    _pictures("generate", made, images)
    _same_alone("generate", made, model.generate(latents[:2]))


def _reconstruct(model: Model, images: Tensor) -> None:
    _pictures("reconstruct", model.reconstruct(images), images)


def _posterior(model: Model, images: Tensor) -> None:
    require(model.latents is not None, "set `self.latents`: `posterior` names its parts")
    assert model.latents is not None
    parts = model.latents.split(model.latents.draw(BATCH, Rng(4)))
    for name, inferred in model.posterior(images).items():
        require(name in parts, f"`posterior` names '{name}'; the parts of `latents` are {', '.join(parts)}")
        shape = tuple(inferred.log_prob(parts[name]).shape)
        require(
            shape == (BATCH,), f"log_prob of '{name}' is {shape}, not one number per image: use Independent(..., 1)"
        )


def _kl(model: Model, images: Tensor) -> None:
    kl = model.kl(images)
    require(kl.dim() == 2 and len(kl) == BATCH, f"return (N, D) divergences from `kl`, not {tuple(kl.shape)}")
    require(bool((kl > -1e-5).all()), f"a divergence is negative ({kl.min().item():.3g}): check the formula in `kl`")


def _features(model: Model, images: Tensor) -> None:
    maps = model.features(images)
    good = bool(maps) and all(each.dim() == 4 and len(each) == BATCH for each in maps)
    require(good, "return a list of (N, C, H, W) maps from `features`")
    _same_alone("features", maps[-1], model.features(images[:2])[-1])


ABILITY_CHECKS: dict[str, Callable[[Model, Tensor], None]] = {
    "encode": _encode,
    "generate": _generate,
    "reconstruct": _reconstruct,
    "posterior": _posterior,
    "kl": _kl,
    "features": _features,
}


def _pictures(ability: str, made: Tensor, images: Tensor) -> None:
    expected = tuple(images.shape)
    require(made.shape == images.shape, f"return {expected} images from `{ability}`, not {tuple(made.shape)}")
    low, high = made.min().item(), made.max().item()
    require(
        low >= 0 and high <= 1,
        f"return images in [0, 1] from `{ability}`, not [{low:.3g}, {high:.3g}]: clamp or rescale",
    )


def _same_alone(ability: str, together: Tensor, alone: Tensor) -> None:
    require(
        torch.allclose(together[: len(alone)], alone, rtol=1e-3, atol=1e-4),
        f"`{ability}` gives an image another result in another batch: use running averages in inference mode",
    )


def _losses(model: Model) -> list[tuple[Objective, int, Loss]]:
    """Every loss of every objective with a step at which it applies."""
    return [(objective, *variant) for objective in model.objectives() for variant in _variants(objective)]


def _variants(objective: Objective) -> Iterator[tuple[int, Loss]]:
    if callable(objective.loss):
        yield 0, objective.loss
    else:
        yield from objective.loss.items()


def _name(loss: Loss) -> str:
    return getattr(loss, "__name__", repr(loss))


def _steps(engine: EagerEngine, start: int, end: int) -> None:
    for step in range(start, end):
        losses = unmoved(engine.step, step)
        bad = [name for name, value in losses.items() if not value.isfinite()]
        if bad:
            raise CheckFailed(f"{', '.join(bad)} is not finite at step {step}: start from smaller numbers")


MODEL_CHECKS = (
    says_what_it_is,
    lists_its_objectives,
    losses_are_named_numbers,
    losses_are_pure,
    draws_come_from_the_given_generator,
    gradients_reach_what_is_trained,
    continues_from_a_checkpoint,
    trains_in_a_fleet_as_alone,
    abilities_have_the_right_shape,
)
