import pytest
import torch

from harness import Adam
from harness.training.optimizers import AdamState, StackedAdam
from harness.training.stacking import Slices

SHAPES = [(4, 3, 2, 2), (5,), (2, 3)]


def tensors(seed, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=dtype) for shape in SHAPES]


def torch_adam(spec, parameters, gradients):
    """The parameters after a torch optimizer's updates with lists of gradients."""
    parameters = [parameter.clone().requires_grad_() for parameter in parameters]
    optimizer = torch.optim.Adam(
        parameters, spec.lr_at(0), betas=spec.betas, eps=spec.eps, weight_decay=spec.weight_decay, foreach=False
    )
    for step, row in enumerate(gradients):
        optimizer.param_groups[0]["lr"] = spec.lr_at(step)
        for parameter, gradient in zip(parameters, row, strict=True):
            parameter.grad = gradient
        optimizer.step()
    return [parameter.detach() for parameter in parameters]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("gradient_layout", [torch.contiguous_format, torch.channels_last])
def test_adam_is_torchs_in_whatever_layout_parameters_and_gradients_lie(layout, gradient_layout):
    spec = Adam(lambda step: 0.1 / (step + 1), betas=(0.5, 0.9), weight_decay=0.01)
    start, gradients = tensors(0), [tensors(seed) for seed in (1, 2, 3)]
    expected = torch_adam(spec, start, gradients)
    parameters = [p.contiguous(memory_format=layout) if p.dim() == 4 else p.clone() for p in start]
    state = AdamState(spec, parameters)
    for step, row in enumerate(gradients):
        laid_out = [g.contiguous(memory_format=gradient_layout) if g.dim() == 4 else g for g in row]
        state.update(laid_out, step)
    for parameter, value in zip(parameters, expected, strict=True):
        torch.testing.assert_close(parameter, value)


SPECS = [
    Adam(1e-3),
    Adam(lambda step: 0.1 / (step + 1), betas=(0.5, 0.9)),
    Adam(1e-2, betas=(0.0, 0.99), eps=1e-3, weight_decay=0.1),
]


def members():
    """Optimizers of three members whose parameters begin differently, and their parameters stacked."""
    states = [AdamState(spec, tensors(seed, torch.double)) for seed, spec in enumerate(SPECS)]
    return states, [torch.stack(row) for row in zip(*(state.parameters for state in states), strict=True)]


def test_stacked_adam_is_each_members_own():
    alone, _ = members()
    together, stacks = members()
    stacked = StackedAdam(together)
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


def test_a_part_of_the_members_is_updated_and_the_others_are_left_alone():
    alone, _ = members()
    together, stacks = members()
    stacked = StackedAdam(together)
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


def test_a_member_of_a_stack_may_go_on_alone():
    alone, _ = members()
    together, stacks = members()
    stacked = StackedAdam(together)
    row = tensors(7, torch.double)
    stacked.prepare([0, 0, 0])
    stacked.update(Slices([0, 1, 2], 3, torch.device("cpu")), stacks, [torch.stack([g] * 3) for g in row])
    for position, state in enumerate(alone):
        state.update(row, 0)
        state.update(row, 1)
        own = AdamState(state.spec, [stack[position] for stack in stacks])
        own.restore(together[position].state())
        own.update(row, 1)
        for parameter, value in zip(own.parameters, state.parameters, strict=True):
            torch.testing.assert_close(parameter, value)
