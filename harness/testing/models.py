"""What the declarations and losses of every model must do."""

import tempfile
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor

from harness.model import Model, objectives_of
from harness.objective import Loss, Objective
from harness.pairs import Pairs
from harness.rng import Rng
from harness.storage.tensors import load_tensors, save_tensors
from harness.testing.check import CheckFailed, require, require_words, unmoved
from harness.testing.model_subject import BATCH, STEPS, ModelSubject, take_steps
from harness.training.model_outputs import draws_of


def says_what_it_is(subject: ModelSubject) -> None:
    """The class and its settings are described."""
    require_words(subject.model_class, subject.model_class.Config)


def lists_its_objectives(subject: ModelSubject) -> None:
    """Objectives have names of their own and train all there is to train."""
    model = subject.model()
    objectives = objectives_of(model)
    require(bool(objectives), "list at least one Objective in `objectives`")
    names = [objective.name for objective in objectives]
    require(len(set(names)) == len(names), f"give the objectives different names, not {', '.join(names)}")
    for name in names:
        require("/" not in name, f"take the / out of the objective's name '{name}': columns of the history hold one")
    own = {id(parameter): name for name, parameter in model.named_parameters()}
    trained = {id(parameter) for objective in objectives for parameter in objective.parameters()}
    require(trained <= set(own), "let objectives train networks of the model only: assign them to attributes of it")
    fixed = {id(parameter) for network in model.pretrained() for parameter in network.parameters()}
    fixed |= {id(parameter) for parameter in model.parameters() if not parameter.requires_grad}
    idle = [name for key, name in own.items() if key not in trained | fixed]
    require(
        not idle,
        f"name the network of {', '.join(idle)} in an objective's `trains` or in `pretrained`, or have it require no "
        "gradient (`requires_grad_(False)`)",
    )


def pairs_are_declared(subject: ModelSubject) -> None:
    """A model that learns from pairs says how partners are drawn, and its batches then have two images for each."""
    pairs = subject.model().pairs()
    require(
        pairs is None or isinstance(pairs, Pairs),
        f"return how partners are drawn from `pairs`, such as ResampledFactors(1), or None, not {pairs!r}",
    )


def starts_from_its_seed(subject: ModelSubject) -> None:
    """Equal seeds give equal initial parameters and buffers."""
    one, other = subject.model().state_dict(), subject.model().state_dict()
    different = [name for name, value in one.items() if not torch.equal(value, other[name])]
    require(
        not different,
        f"{', '.join(different[:3])} begin otherwise each time: draw initial numbers from torch's global generator in "
        "`__init__`, which the seed governs there, or from the Rng of `initialise`",
    )


def losses_are_named_numbers(subject: ModelSubject) -> None:
    """Losses return finite named terms, each a single number."""
    model = subject.model()
    for objective, step, loss in _losses(model):
        for term, value in _checked(objective, loss, loss(*subject.inputs(model, step))).items():
            where = f"term '{term}' of objective '{objective.name}'"
            require(bool(value.isfinite()), f"{where} is {value.item()} on the first batch: start from smaller numbers")


def losses_are_pure(subject: ModelSubject) -> None:
    """The same parameters, images and draws give the same loss, and nothing is changed on the way."""
    for number, (objective, step, loss) in enumerate(_losses(subject.model())):
        first, second = subject.model(), subject.model()
        inputs = subject.inputs(first, step)
        kept = deepcopy(inputs)
        before = {name: value.clone() for name, value in first.named_parameters()}
        own = _losses(first)[number][2]
        terms = _checked(objective, own, unmoved(own, *inputs))
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
    given, equal = Rng(3), Rng(3)  # Both live at once, so that not even their identities are the same.
    first = unmoved(draws_of, model, BATCH, given)
    again = draws_of(model, BATCH, equal)
    for name, value in first.items():
        require(
            torch.equal(value, again[name]), f"draw '{name}' from the Rng that `draw` is given, and from nothing else"
        )


def gradients_reach_what_is_trained(subject: ModelSubject) -> None:
    """Every parameter that an objective trains has a gradient from it."""
    model = subject.model()
    for objective in objectives_of(model):
        parameters = objective.parameters()
        reached = [False] * len(parameters)
        for step, loss in _variants(objective):
            total = torch.stack(list(_checked(objective, loss, loss(*subject.inputs(model, step))).values())).sum()
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
    take_steps(straight, 0, 2 * STEPS)
    take_steps(halted, 0, STEPS)
    with tempfile.TemporaryDirectory() as folder:
        save_tensors(Path(folder, "state"), halted.state(), {})
        resumed.restore(load_tensors(Path(folder, "state"))[0])
    take_steps(resumed, STEPS, 2 * STEPS)
    after = resumed.state()
    different = [name for name, value in straight.state().items() if not torch.equal(value, after[name])]
    require(
        not different,
        f"after a restart {', '.join(different[:5])} differ: keep what a step changes in parameters or buffers, "
        "and let `schedule` and `objectives` depend on the step alone",
    )


def _losses(model: Model) -> list[tuple[Objective, int, Loss]]:
    """Every loss of every objective with a step at which it applies."""
    return [(objective, *variant) for objective in objectives_of(model) for variant in _variants(objective)]


def _checked(objective: Objective, loss: Loss, terms: object) -> Mapping[str, Tensor]:
    """What a loss has returned, which must be named tensors without dimensions."""
    if not isinstance(terms, Mapping) or not terms:
        raise CheckFailed(f"return a dict of named terms from the loss {_name(loss)}, not {type(terms).__name__}")
    for term, value in terms.items():
        where = f"term '{term}' of objective '{objective.name}'"
        require(isinstance(value, Tensor) and value.dim() == 0, f"make {where} a tensor without dimensions")
    return terms


def _variants(objective: Objective) -> Iterator[tuple[int, Loss]]:
    if callable(objective.loss):
        yield 0, objective.loss
    else:
        yield from objective.loss.items()


def _name(loss: Loss) -> str:
    return getattr(loss, "__name__", repr(loss))


TRAINING_CHECKS = (
    says_what_it_is,
    lists_its_objectives,
    pairs_are_declared,
    starts_from_its_seed,
    losses_are_named_numbers,
    losses_are_pure,
    draws_come_from_the_given_generator,
    gradients_reach_what_is_trained,
    continues_from_a_checkpoint,
)
