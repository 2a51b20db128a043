"""The fleet engine on models small enough to follow by hand."""

import pytest
import torch
from images import Noise
from torch import nn

from harness import Adam, Field, ImageSpec, Model, Objective, Rng, Settings
from harness.model import build
from harness.training.batches import Batches
from harness.training.engines.eager import EagerStepper
from harness.training.engines.fleet import FleetEngine
from harness.training.engines.signature import signature_of

IMAGE = ImageSpec(1, 4, 4)


class Critic(Model):
    """A network with batch normalisation, a weight in its loss, and a vector that moves once per step."""

    class Config(Settings):
        weight: float = Field(1.0, description="of the noise")
        lr: float = Field(0.01, description="learning rate")
        width: float = Field(1.0, description="of the hidden layer")
        leak: float = Field(0.1, description="slope of the activation")
        start: int = Field(0, description="step from which the loss doubles")
        times: int = Field(1, description="a factor that is no float")
        kind: str = Field("plain", description="what else the loss does")

    def __init__(self, config, image):
        super().__init__(config, image)
        hidden = round(6 * config.width)
        self.net = nn.Sequential(
            nn.Flatten(),
            # No bias: before batch normalisation its gradient is nothing but rounding.
            nn.Linear(16, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.LeakyReLU(config.leak),
            nn.Linear(hidden, 1),
        )
        self.register_buffer("moved", torch.zeros(2))

    def draw(self, n, rng):
        return {"noise": rng.normal(n, 1)}

    def objectives(self):
        loss = {0: self.early, self.config.start: self.loss} if self.config.start else self.loss
        adam = Adam(self.config.lr, betas=(0.5, 0.9))
        return [
            Objective(
                "net",
                [self.net],
                loss,
                adam,
                repeats=2,
                fresh=True,
                reset_at=[self.config.start + 1] if self.config.start else [],
            )
        ]

    def loss(self, images, draws):
        match self.config.kind:
            case "reads an int":
                factor = self.config.times
            case "branches on a float":
                factor = 1 if self.config.weight > 0 else 0
            case "branches on data":
                factor = 2 if images.sum() > 0 else 1
            case "fails":
                raise ZeroDivisionError("on purpose")
            case _:
                factor = 1
        error = (self.net(images) - self.config.weight * draws["noise"]).square().mean()
        return {"error": factor * error, "size": 0.1 * self.net(images).abs().mean()}

    def early(self, images, draws):
        return {name: value / 2 for name, value in self.loss(images, draws).items()}

    def finish_step(self):
        self.moved += self.net[4].bias.mean()


class ByClosure(Critic):
    """Its loss is not a method."""

    def objectives(self):
        def loss(images, draws):
            return self.loss(images, draws)

        return [Objective("net", [self.net], loss, Adam(0.01))]


class FailingFor(Critic):
    """Raises where its weight is negative."""

    def draw(self, n, rng):
        if self.config.weight < 0:
            raise ZeroDivisionError("on purpose")
        return super().draw(n, rng)


DATASET = Noise(IMAGE)


def member(seed, model_class=Critic, **settings):
    model = build(model_class, model_class.Config(**settings), IMAGE, Rng(seed)).train()
    return EagerStepper(model, Batches(DATASET, 5, seed), draws=Rng(seed + 100), resets=Rng(seed + 200))


def trained(engines, steps, starts=None):
    for engine, start in zip(engines, starts or [0] * len(engines), strict=True):
        for step in range(start, start + steps):
            engine.step(step)
    return [engine.state() for engine in engines]


def fleet_of(members):
    notes = []
    return FleetEngine(members, notes.append), notes


def assert_alike(one, other, **tolerance):
    for mine, its in zip(one, other, strict=True):
        for name, value in mine.items():
            torch.testing.assert_close(its[name], value, msg=lambda text, name=name: f"{name}: {text}", **tolerance)


def copied(states):
    return [{name: value.clone() for name, value in state.items()} for state in states]


VARIANTS = [{"weight": 1.0}, {"weight": 0.5, "lr": 0.02}, {"weight": 2.0, "lr": 0.005}]


def variants(model_class=Critic, **common):
    return [member(seed, model_class, **{**common, **own}) for seed, own in enumerate(VARIANTS)]


def test_members_with_settings_of_their_own_train_as_they_do_alone():
    fleet, notes = fleet_of(variants())
    for step in range(4):
        fleet.step([step] * 3)
    assert_alike(trained(variants(), 4), [m.state() for m in fleet.members], rtol=1e-4, atol=1e-5)
    assert not notes
    assert not fleet.failures


def test_losses_are_each_members_own():
    fleet, _ = fleet_of(variants())
    alone = variants()
    for step in range(2):
        fleet.step([step] * 3)
        expected = [{name: value.item() for name, value in engine.step(step).items()} for engine in alone]
    for found, its in zip(fleet.losses(), expected, strict=True):
        assert list(found) == list(its) == ["net/error", "net/size"]
        assert found == pytest.approx(its, rel=1e-4)


def test_members_at_steps_of_their_own_switch_and_reset_when_they_do_alone():
    def make():
        return [member(seed, start=start) for seed, start in enumerate((2, 4, 2))]

    starts = [0, 1, 3]
    fleet, notes = fleet_of(make())
    for step in range(5):
        fleet.step([start + step for start in starts])
    assert_alike(trained(make(), 5, starts), [m.state() for m in fleet.members], rtol=1e-4, atol=1e-5)
    assert not notes


@pytest.mark.parametrize(
    ("kind", "how", "reason"),
    [
        ("reads an int", "together only by members of equal settings", "it reads the setting times, which differs"),
        ("branches on a float", "together only by members of equal settings", "data-dependent control flow"),
        ("branches on data", "by one member at a time", "data-dependent control flow"),
    ],
)
def test_what_cannot_be_stacked_is_done_in_smaller_groups_and_said_once(kind, how, reason):
    def make():
        settings = [{"times": 1, "weight": 1.0}, {"times": 1, "weight": 1.0}, {"times": 2, "weight": 3.0}]
        return [member(seed, kind=kind, **own) for seed, own in enumerate(settings)]

    fleet, notes = fleet_of(make())
    for step in range(3):
        fleet.step([step] * 3)
    assert_alike(trained(make(), 3), [m.state() for m in fleet.members], rtol=1e-4, atol=1e-5)
    assert how in notes[-1]
    assert "Critic.loss" in notes[-1]
    assert any(reason in note for note in notes)
    assert len(notes) == len(set(notes))


def test_a_loss_that_is_no_method_is_done_one_by_one():
    fleet, notes = fleet_of(variants(ByClosure))
    fleet.step([0] * 3)
    states = [m.state() for m in fleet.members]
    # One by one is the eager engine; only the stacks' memory layout differs, which these layers do not have.
    assert_alike(trained(variants(ByClosure), 1), states, rtol=0, atol=0)
    assert len(notes) == 1
    assert "no method of the model" in notes[0]


def test_an_error_of_one_member_stops_no_other():
    settings = [{"weight": 1.0}, {"weight": -1.0}, {"weight": 2.0}]
    fleet, _ = fleet_of([member(seed, FailingFor, **own) for seed, own in enumerate(settings)])
    fleet.step([0] * 3)
    assert list(fleet.failures) == [1]
    assert isinstance(fleet.failures[1], ZeroDivisionError)
    fleet.leave([1])
    fleet.step([1] * 2)
    assert not fleet.failures
    alone = [member(seed, FailingFor, **settings[seed]) for seed in (0, 2)]
    assert_alike(trained(alone, 2), [m.state() for m in fleet.members], rtol=1e-4, atol=1e-5)


def test_a_loss_that_raises_for_all_is_each_members_own_error():
    fleet, notes = fleet_of(variants(kind="fails"))
    fleet.step([0] * 3)
    assert [str(fleet.failures[position]) for position in range(3)] == ["on purpose"] * 3
    assert notes


def test_numbers_that_are_not_finite_stay_with_their_member():
    fleet, _ = fleet_of(variants())
    with torch.no_grad():
        fleet.members[1].model.net[1].weight.fill_(float("nan"))
    for step in range(2):
        fleet.step([step] * 3)
    found = fleet.losses()
    assert not torch.tensor(found[1]["net/error"]).isfinite()
    expected = trained(variants(), 2)
    assert_alike([expected[0], expected[2]], [fleet.members[p].state() for p in (0, 2)], rtol=1e-4, atol=1e-5)


def test_a_restored_fleet_continues_bit_for_bit():
    straight, _ = fleet_of(variants(start=3))
    for step in range(6):
        straight.step([step] * 3)
    halted, _ = fleet_of(variants(start=3))
    for step in range(2):
        halted.step([step] * 3)
    states = copied(m.state() for m in halted.members)
    members = variants(start=3)
    for engine, state in zip(members, states, strict=True):
        engine.restore(state)
    resumed, _ = fleet_of(members)
    for step in range(2, 6):
        resumed.step([step] * 3)
    assert_alike([m.state() for m in straight.members], [m.state() for m in resumed.members], rtol=0, atol=0)


def test_a_member_may_leave_and_go_on_alone_and_another_may_join_from_alone():
    fleet, _ = fleet_of(variants())
    for step in range(2):
        fleet.step([step] * 3)
    left = fleet.members[0]
    fleet.leave([0])
    alone = member(0, **VARIANTS[0])
    alone.restore(copied([left.state()])[0])
    joined, _ = fleet_of([alone, *fleet.members])
    for step in range(2, 4):
        joined.step([step] * 3)
        left.step(step)
    expected = trained(variants(), 4)
    assert_alike(expected, [m.state() for m in joined.members], rtol=1e-4, atol=1e-5)
    assert_alike(expected[:1], [left.state()], rtol=1e-4, atol=1e-5)


def test_structure_is_equal_where_only_numbers_that_losses_read_differ():
    def of(**settings):
        return signature_of(Critic(Critic.Config(**settings), IMAGE))

    assert of() == of(weight=3.0, lr=0.5, times=2)
    assert of() != of(leak=0.2), "the leak has become part of a module"
    assert of() != of(width=2.0), "the width has become shapes"
    assert of() != of(kind="fails"), "a text is not a number"
    assert of() != signature_of(FailingFor(FailingFor.Config(), IMAGE))


def compiled_fleet(settings):
    """A fleet whose losses are compiled, its notes, and the same fleet as it is."""
    notes = []
    compiled, eager = ([member(seed, **each) for seed, each in enumerate(settings)] for _ in range(2))
    return FleetEngine(compiled, notes.append, compiled=True), notes, FleetEngine(eager, notes.append)


def test_a_fleet_computes_what_is_compiled(monkeypatch):
    """The compiler itself is left out: what it would be given is called."""
    given = []
    monkeypatch.setattr(torch, "compile", lambda written, **options: given.append(written) or written)
    # The third switches its loss and restarts its network later than the others.
    settings = [{"start": 2, "weight": 0.5}, {"start": 2}, {"start": 4}]
    compiled, notes, eager = compiled_fleet(settings)
    for step in range(7):
        compiled.step([step] * 3)
        eager.step([step] * 3)
        for mine, its in zip(compiled.losses(), eager.losses(), strict=True):
            assert mine == pytest.approx(its, rel=1e-5)
    assert_alike([m.state() for m in compiled.members], [m.state() for m in eager.members], rtol=1e-4, atol=1e-6)
    assert not notes
    assert len(given) == 3, "both losses of all three, and the late one of the two that are ahead"


def test_what_of_a_fleet_cannot_be_compiled_is_called_as_it_is_and_said_once(monkeypatch):
    def broken(written, **options):
        def raising(*inputs):
            written(*inputs)  # Some of the work has been done when the error comes.
            raise RuntimeError("no compiler")

        return raising

    monkeypatch.setattr(torch, "compile", broken)
    compiled, notes, eager = compiled_fleet([{}, {"weight": 2.0}])
    for step in range(4):
        compiled.step([step] * 2)
        eager.step([step] * 2)
    for mine, its in zip(compiled.members, eager.members, strict=True):
        assert all(torch.equal(value, its.state()[name]) for name, value in mine.state().items())
    assert [note.split(": ")[0] for note in notes] == ["Critic.loss is not compiled"]


def test_a_method_that_cannot_be_vmapped_is_none_that_cannot_be_compiled(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda written, **options: written)
    compiled, notes, eager = compiled_fleet([{"kind": "branches on data"}] * 2)
    compiled.step([0] * 2)
    eager.step([0] * 2)
    assert compiled.losses() == eager.losses()
    assert not [note for note in notes if "compiled" in note]
