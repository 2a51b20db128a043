import pytest
import torch

from harness import SGD, Adam, AdamW, RMSprop
from harness.errors import ContractError
from harness.optimizer import Optimizer
from harness.training.optimizers import OptimizerState, StackedOptimizer
from harness.training.stacking import Slices

SHAPES = [(4, 3, 2, 2), (5,), (2, 3)]


def tensors(seed, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=dtype) for shape in SHAPES]


TORCHS = {Adam: torch.optim.Adam, AdamW: torch.optim.AdamW, RMSprop: torch.optim.RMSprop, SGD: torch.optim.SGD}


def as_torch_has_it(spec, parameters, gradients):
    """The parameters after a torch optimizer's updates with lists of gradients, each clipped by torch."""
    parameters = [parameter.clone().requires_grad_() for parameter in parameters]
    ours = ("lr", "clip", "clip_value", "decay_vectors")
    numbers = {name: value for name, value in vars(spec).items() if name not in ours}
    undecayed = not getattr(spec, "decay_vectors", True)
    groups = [{"params": [p for p in parameters if p.dim() >= 2]}, {"params": [p for p in parameters if p.dim() < 2]}]
    groups[1] |= {"weight_decay": 0.0} if undecayed else {}
    optimizer = TORCHS[type(spec)](groups, spec.lr_at(0), **numbers, foreach=False)
    for step, row in enumerate(gradients):
        for group in optimizer.param_groups:
            group["lr"] = spec.lr_at(step)
        for parameter, gradient in zip(parameters, row, strict=True):
            parameter.grad = gradient.clone()
        if spec.clip is not None:
            torch.nn.utils.clip_grad_norm_(parameters, spec.clip)
        if spec.clip_value is not None:
            torch.nn.utils.clip_grad_value_(parameters, spec.clip_value)
        optimizer.step()
    return [parameter.detach() for parameter in parameters]


def falling(step):
    return 0.1 / (step + 1)


@pytest.mark.parametrize(
    "spec",
    [
        Adam(falling, betas=(0.5, 0.9), weight_decay=0.01),
        AdamW(falling, betas=(0.5, 0.9), weight_decay=0.1),
        AdamW(0.01, clip=0.5),
        AdamW(0.01, weight_decay=0.5, decay_vectors=False, clip_value=0.3),
        RMSprop(falling),
        RMSprop(0.01, alpha=0.9, eps=1e-3, momentum=0.5, weight_decay=0.1, clip=2.0),
        SGD(falling),
        SGD(0.01, momentum=0.9, weight_decay=0.1, clip=2.0),
        SGD(0.01, momentum=0.9, nesterov=True, clip=3.0, clip_value=0.3),
        Adam(0.01, clip=100.0),
    ],
    ids=lambda spec: type(spec).__name__,
)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("gradient_layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("in_a_tensor", [False, True], ids=["rate", "rate in a tensor"])
def test_an_update_is_torchs_in_whatever_layout_parameters_and_gradients_lie(
    spec, layout, gradient_layout, in_a_tensor
):
    start, gradients = tensors(0), [tensors(seed) for seed in (1, 2, 3)]
    expected = as_torch_has_it(spec, start, gradients)
    parameters = [p.contiguous(memory_format=layout) if p.dim() == 4 else p.clone() for p in start]
    state = OptimizerState(spec, parameters)
    for step, row in enumerate(gradients):
        laid_out = [g.contiguous(memory_format=gradient_layout) if g.dim() == 4 else g for g in row]
        if in_a_tensor:
            state.rate = torch.tensor(spec.lr_at(step))
        state.update(laid_out, step)
    for parameter, value in zip(parameters, expected, strict=True):
        torch.testing.assert_close(parameter, value)


def test_clipping_shortens_the_whole_gradient_of_an_objective_and_leaves_a_short_one_alone():
    parameters = [torch.zeros(1), torch.zeros(2)]
    state = OptimizerState(SGD(1.0, clip=1.0), parameters)
    state.update([torch.tensor([2.0]), torch.tensor([1.0, 2.0])], 0)  # Of length 3.
    torch.testing.assert_close(torch.cat(parameters), -torch.tensor([2.0, 1.0, 2.0]) / 3)
    state.update([torch.tensor([0.5]), None], 1)
    torch.testing.assert_close(torch.cat(parameters), -torch.tensor([2 / 3 + 0.5, 1 / 3, 2 / 3]))


def test_an_optimizer_without_a_rule_is_refused_with_those_that_there_are():
    class Mine(Optimizer):
        pass

    with pytest.raises(ContractError, match="Mine is none of the optimizers Adam, AdamW, SGD, RMSprop"):
        OptimizerState(Mine(0.1), tensors(0))


SPECS = {
    Adam: [Adam(1e-3), Adam(falling, betas=(0.5, 0.9), clip=1.0), Adam(1e-2, betas=(0.0, 0.99), weight_decay=0.1)],
    AdamW: [
        AdamW(1e-3, clip=0.1),
        AdamW(falling, clip=1.0),
        AdamW(1e-2, betas=(0.0, 0.99), weight_decay=0.1, decay_vectors=False),
    ],
    RMSprop: [RMSprop(1e-3, clip=3.0), RMSprop(falling, momentum=0.9), RMSprop(1e-2, alpha=0.5, weight_decay=0.1)],
    SGD: [
        SGD(1e-3, clip_value=0.2),
        SGD(falling, momentum=0.9, nesterov=True, clip=0.5),
        SGD(1e-2, momentum=0.5, weight_decay=0.1),
    ],
}
"""Three members' of each kind, which differ in their numbers."""


@pytest.fixture(params=SPECS, ids=lambda kind: kind.__name__)
def members(request):
    """Makes optimizers of three members whose parameters begin differently, and their parameters stacked."""

    def make():
        states = [OptimizerState(spec, tensors(seed, torch.double)) for seed, spec in enumerate(SPECS[request.param])]
        return states, [torch.stack(row) for row in zip(*(state.parameters for state in states), strict=True)]

    return make


def test_a_stacked_optimizer_is_each_members_own(members):
    alone, _ = members()
    together, stacks = members()
    stacked = StackedOptimizer(together)
    everyone = Slices([0, 1, 2], 3, torch.device("cpu"))
    for step in range(4):
        rows = [tensors(10 * step + seed, torch.double) for seed in range(3)]
        for state, row in zip(alone, rows, strict=True):
            state.update([*row[:2], None], step)
        gradients = [torch.stack(column) for column in zip(*rows, strict=True)]
        stacked.prepare([step] * 3)
        stacked.update(everyone, stacks, [*gradients[:2], None])
    for position, state in enumerate(alone):
        for name, value in state.state().items():
            torch.testing.assert_close(together[position].state()[name], value)
        for stack, parameter in zip(stacks, state.parameters, strict=True):
            torch.testing.assert_close(stack[position], parameter)


def test_a_part_of_the_members_is_updated_and_the_others_are_left_alone(members):
    alone, _ = members()
    together, stacks = members()
    stacked = StackedOptimizer(together)
    some = Slices([0, 2], 3, torch.device("cpu"))
    for step in range(3):
        row = tensors(step, torch.double)
        for position in (0, 2):
            alone[position].update(row, step + position)  # Each member is at a step of its own.
        taken = [some.take(stack) for stack in stacks]
        stacked.prepare([step, step, step + 2])
        stacked.update(some, taken, [torch.stack([gradient] * 2) for gradient in row])
        for stack, slices in zip(stacks, taken, strict=True):
            some.put(stack, slices)
    for position, state in enumerate(alone):
        assert float(together[position].counts[0]) == (0 if position == 1 else 3)
        for name, value in state.state().items():
            torch.testing.assert_close(together[position].state()[name], value)
        for stack, parameter in zip(stacks, state.parameters, strict=True):
            torch.testing.assert_close(stack[position], parameter)


def test_a_member_of_a_stack_may_go_on_alone(members):
    alone, _ = members()
    together, stacks = members()
    stacked = StackedOptimizer(together)
    row = tensors(7, torch.double)
    stacked.prepare([0, 0, 0])
    stacked.update(Slices([0, 1, 2], 3, torch.device("cpu")), stacks, [torch.stack([g] * 3) for g in row])
    for position, state in enumerate(alone):
        state.update(row, 0)
        state.update(row, 1)
        own = OptimizerState(state.spec, [stack[position] for stack in stacks])
        own.restore(together[position].state())
        own.update(row, 1)
        for parameter, value in zip(own.parameters, state.parameters, strict=True):
            torch.testing.assert_close(parameter, value)
