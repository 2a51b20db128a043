"""The eager engine on models small enough to follow by hand."""

from itertools import groupby

import pytest
import torch
from torch import nn

from harness import Adam, ImageSpec, Model, Objective, Rng, Settings, UserError
from harness.data.held_out import split_held_out
from harness.dataset import Dataset
from harness.errors import ContractError
from harness.model import build
from harness.training.batches import Batches
from harness.training.engines.eager import EagerStepper


class Numbers(Dataset):
    """Image i is the number i."""

    image = ImageSpec(1, 1, 1)

    def __init__(self, n=20):
        super().__init__(Settings())
        self.n = n

    def __len__(self):
        return self.n

    def images(self, indices):
        return indices.float().view(-1, 1, 1, 1)


class Scripted(Model):
    """Two networks of one weight each; records every update."""

    def __init__(self, config=None, image=None):
        super().__init__(config or Settings(), image or ImageSpec(1, 1, 1))
        self.first = nn.Linear(1, 1, bias=False)
        self.second = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
        self.calls = []
        self.finished = 0

    def draw(self, n, rng):
        return {"noise": rng.normal(n)}

    def schedule(self, step):
        return {"weight": step / 10}

    def loss_named(self, name):
        def loss(images, draws):
            self.calls.append((name, images.flatten().tolist(), draws["noise"].tolist(), float(draws["weight"])))
            return {"both": self.first.weight.sum() + self.second[0].weight.sum()}

        return loss

    def script(self):
        return []

    def objectives(self):
        return self.script()

    def finish_step(self):
        self.finished += 1


def make_engine(script, batch_size=4, n=20):
    model = build(Scripted, Settings(), ImageSpec(1, 1, 1), Rng(0))
    model.script = lambda: script(model)
    return EagerStepper(model, Batches(Numbers(n), batch_size, seed=0), Rng(1), Rng(2))


def test_an_objective_changes_only_what_it_trains():
    engine = make_engine(lambda m: [Objective("a", [m.first], m.loss_named("a"), Adam(0.1))])
    before = {name: value.clone() for name, value in engine.model.state_dict().items()}
    losses = engine.step(0)
    changed = [name for name, value in engine.model.state_dict().items() if not torch.equal(value, before[name])]
    assert changed == ["first.weight"]
    # Adam's first update is the learning rate, whatever the gradient's size.
    assert torch.allclose(engine.model.first.weight, before["first.weight"] - 0.1, atol=1e-6)
    assert list(losses) == ["a/both"]


def test_updates_follow_the_declared_order_repeats_and_freshness():
    engine = make_engine(
        lambda m: [
            Objective("critic", [m.first], m.loss_named("critic"), Adam(0.1), repeats=3, fresh=True),
            Objective("generator", [m.second], m.loss_named("generator"), Adam(0.1), repeats=2),
        ]
    )
    engine.step(0)
    calls = engine.model.calls
    calls.clear()  # The first call of each loss is rehearsed.
    engine.step(1)
    assert [name for name, *_ in calls] == ["critic"] * 3 + ["generator"] * 2
    batches = [images for _, images, *_ in calls]
    draws = [noise for _, _, noise, _ in calls]
    assert len({tuple(batch) for batch in batches[:3]}) == 3
    assert len({tuple(draw) for draw in draws[:3]}) == 3
    assert batches[3] == batches[4] == batches[2]
    assert draws[3] == draws[4] == draws[2]
    assert engine.batches.taken == 6
    assert engine.model.finished == 2


def test_a_schedule_reaches_the_losses():
    engine = make_engine(lambda m: [Objective("a", [m.first], m.loss_named("a"), Adam(0.1))])
    for step in range(3):
        engine.step(step)
    assert sorted({weight for *_, weight in engine.model.calls}) == pytest.approx([0.0, 0.1, 0.2])


def test_objectives_alternate_and_losses_switch():
    def script(m):
        return [
            Objective("even", [m.first], m.loss_named("even"), Adam(0.1), when=lambda step: step % 2 == 0),
            Objective("switch", [m.second], {0: m.loss_named("early"), 2: m.loss_named("late")}, Adam(0.1)),
        ]

    engine = make_engine(script)
    for step in range(4):
        engine.step(step)
    changes = [name for name, _ in groupby(name for name, *_ in engine.model.calls)]
    assert changes == ["even", "early", "even", "late"]


class Filling(nn.Conv2d):
    """Starts with whole numbers, in the order in which they lie in memory."""

    def reset_parameters(self):
        self.weight.untyped_storage().copy_(torch.arange(float(self.weight.numel())).untyped_storage())


@pytest.mark.parametrize("format", [torch.contiguous_format, torch.channels_last])
def test_a_reset_gives_the_same_numbers_however_parameters_lie_in_memory(format):
    def script(model):
        model.second = Filling(2, 2, 2, bias=False)
        return [Objective("a", [model.second], model.loss_named("a"), Adam(0.1), reset_at=[0])]

    engine = make_engine(script)
    engine.model.second.to(memory_format=format)
    engine.reset(engine.objectives[0])
    assert engine.model.second.weight.flatten().tolist() == list(range(16))


def test_a_reset_renews_parameters_and_optimizer_but_not_buffers():
    engine = make_engine(lambda m: [Objective("a", [m.second], m.loss_named("a"), Adam(0.1), reset_at=[2])])
    engine.model.second[1].running_mean.fill_(5.0)
    for step in range(2):
        engine.step(step)
    counts = [float(value) for name, value in engine.optimizers["a"].state().items() if name.startswith("counts")]
    assert counts[0] == 2
    before = engine.model.second[0].weight.clone()
    first = engine.model.first.weight.clone()
    engine.step(2)
    assert float(engine.optimizers["a"].state()["counts/0"]) == 1
    assert (engine.model.second[0].weight - before).abs() > 1e-3
    assert torch.equal(engine.model.first.weight, first)
    assert float(engine.model.second[1].running_mean) == 5.0


def test_a_reset_renews_attention_with_the_layers_within():
    def script(model):
        model.second = nn.MultiheadAttention(2, 1)

        def loss(images, draws):
            x = images.flatten(1).expand(-1, 2)[None]
            return {"a": (model.second(x, x, x)[0] - 1).square().mean()}

        return [Objective("a", [model.second], loss, Adam(0.1), reset_at=[2])]

    engine = make_engine(script)
    weights = [engine.model.second.in_proj_weight.clone()]
    for step in range(2):
        engine.step(step)
    assert engine.model.second.out_proj.bias.any()
    weights.append(engine.model.second.in_proj_weight.clone())
    engine.reset(engine.objectives[0])
    after = engine.model.second.state_dict()
    assert not any((after["in_proj_weight"] == before).any() for before in weights)
    assert not after["in_proj_bias"].any()
    assert not after["out_proj.bias"].any()


def test_a_trained_parameter_that_a_reset_would_leave_is_refused():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.full((2,), 0.5))

        def forward(self, x):
            return x * self.scale

    def script(model):
        model.second = nn.Sequential(nn.Linear(1, 2), Scaled())
        return [Objective("a", [model.second], lambda x, _: {"a": model.second(x).mean()}, Adam(0.1), reset_at=[1])]

    engine = make_engine(script)
    engine.step(0)
    with pytest.raises(ContractError, match=r"objective 'a' re-initialises second.1.scale, whose layer has no `reset_"):
        engine.step(1)


def test_learning_rate_follows_its_schedule():
    engine = make_engine(lambda m: [Objective("a", [m.first], m.loss_named("a"), Adam(lambda step: 0.1 / (step + 1)))])
    weights = [engine.model.first.weight.item()]
    for step in range(2):
        engine.step(step)
        weights.append(engine.model.first.weight.item())
    assert weights[0] - weights[1] == pytest.approx(0.1, rel=1e-4)
    assert weights[1] - weights[2] == pytest.approx(0.05, rel=1e-4)


def test_an_epoch_shows_every_image_once_and_drops_the_incomplete_batch():
    batches = Batches(Numbers(10), 3, seed=0)
    epochs = [[sorted(batches.next().flatten().tolist()) for _ in range(3)] for _ in range(2)]
    for epoch in epochs:
        shown = [number for batch in epoch for number in batch]
        assert len(shown) == len(set(shown)) == 9
    assert epochs[0] != epochs[1]


def test_the_order_is_that_of_the_seed_and_the_epoch():
    batches = Batches(Numbers(10), 5, seed=7)
    for epoch in range(2):
        shown = torch.cat([batches.next().flatten() for _ in range(2)])
        assert torch.equal(shown, Rng.of(7, "epoch", epoch).permutation(10).float())


def test_what_is_held_out_is_in_no_batch():
    batches = Batches(Numbers(10), 3, seed=0, held_out=4)
    epochs = [[number for _ in range(2) for number in batches.next().flatten().tolist()] for _ in range(3)]
    trained_on, _ = split_held_out(10, 4)
    assert all(sorted(epoch) == trained_on.tolist() for epoch in epochs)


def test_a_batch_must_fit_into_what_is_left():
    with pytest.raises(UserError, match="7 is more than the dataset's 6 images that are left to train on"):
        Batches(Numbers(10), 7, seed=0, held_out=4)


def test_batches_continue_from_their_count():
    batches = Batches(Numbers(10), 3, seed=0)
    for _ in range(5):
        batches.next()
    resumed = Batches(Numbers(10), 3, seed=0)
    resumed.taken = 5
    assert torch.equal(batches.next(), resumed.next())


def test_a_restored_engine_continues_bit_for_bit():
    def script(m):
        def loss(images, draws):
            out = m.second(m.first(images.flatten(1)))
            return {"a": (out.flatten() - draws["noise"]).square().mean()}

        return [Objective("a", [m.first, m.second], loss, Adam(0.1), repeats=2, fresh=True, reset_at=[3])]

    straight, stopped = make_engine(script), make_engine(script)
    for step in range(6):
        straight.step(step)
    for step in range(2):
        stopped.step(step)
    state = {name: value.clone() for name, value in stopped.state().items()}
    resumed = make_engine(script)
    resumed.restore(state)
    for step in range(2, 6):
        resumed.step(step)
    assert all(torch.equal(value, resumed.state()[name]) for name, value in straight.state().items())
