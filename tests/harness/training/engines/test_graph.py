"""The graph engine's bookkeeping, with recordings that are works done again; CUDA itself is in test_engines.py."""

from contextlib import contextmanager

import pytest
import torch
from images import Noise
from torch import nn

from harness import Adam, ImageSpec, Model, Objective, Rng, Settings
from harness.model import build
from harness.testing.fake_cuda_graph import FakeCudaCapture
from harness.training.batches import Batches
from harness.training.engines.cuda_graphs import WARM_UP, CudaCapture
from harness.training.engines.eager import EagerStepper
from harness.training.engines.fleet import FleetEngine
from harness.training.engines.graph import GraphStepper

IMAGE = ImageSpec(1, 2, 2)


class Pair(Model):
    """Two networks; one is trained several times a step, switches its loss at step 6 and restarts at step 8."""

    def __init__(self, config, image):
        super().__init__(config, image)
        self.first, self.second = nn.Linear(4, 1), nn.Linear(4, 1)
        self.register_buffer("steps", torch.zeros(()))

    def draw(self, n, rng):
        return {"noise": rng.normal(n, 1)}

    def schedule(self, step):
        return {"weight": 1 + step / 4}

    def objectives(self):
        falling = Adam(lambda step: 2.0 ** -(step // 3 + 4))
        steady = Adam(2.0**-6, betas=(0.5, 0.9))
        return [
            Objective(
                "first", [self.first], {0: self.error, 6: self.double}, falling, repeats=3, fresh=True, reset_at=[8]
            ),
            Objective("second", [self.second], self.other, steady, repeats=2, when=lambda step: step % 2 == 0),
        ]

    def error(self, images, draws):
        return {"error": draws["weight"] * (self.first(images.flatten(1)) - draws["noise"]).square().mean()}

    def double(self, images, draws):
        return {"double": 2 * self.error(images, draws)["error"]}

    def other(self, images, draws):
        return {"error": (self.second(images.flatten(1)) - self.first(images.flatten(1))).square().mean()}

    def finish_step(self):
        self.steps += 1


class Capture:
    """Records by keeping the work; counts recordings and replays."""

    def __init__(self):
        self.captured = self.replayed = 0

    def __call__(self, work, rngs):
        self.captured += 1

        def replay():
            self.replayed += 1
            return work()

        return replay


def parts():
    model = build(Pair, Settings(), IMAGE, Rng(0)).train()
    return {"model": model, "batches": Batches(Noise(IMAGE), 5, 0), "draws": Rng(1), "resets": Rng(2)}


def test_recorded_steps_are_the_eager_ones():
    capture, notes = Capture(), []
    eager, graph = (
        EagerStepper(**parts()),
        GraphStepper(**parts(), precision="float32", note=notes.append, capture=capture),
    )
    steps = 16
    for step in range(steps):
        # Learning rates are powers of two, so that nothing is rounded on its way into a tensor.
        expected, found = eager.step(step), graph.step(step)
        assert {name: value.item() for name, value in found.items()} == {n: v.item() for n, v in expected.items()}
        assert all(torch.equal(value, graph.state()[name]) for name, value in eager.state().items())
    # Both losses, each with and without the other network: four phases, of which the late two have enough steps.
    assert capture.captured == 2
    # Step 8 resets; of the others in each late key the first few are done eagerly.
    late = {parity: [s for s in range(6, steps) if s % 2 == parity and s != 8] for parity in (0, 1)}
    assert capture.replayed == sum(len(own) - WARM_UP for own in late.values())
    assert not notes


def test_a_step_that_cannot_be_recorded_is_done_eagerly_and_said_once():
    def refuse(work, rngs):
        raise RuntimeError("operation not permitted when stream is capturing")

    notes = []
    eager, graph = (
        EagerStepper(**parts()),
        GraphStepper(**parts(), precision="float32", note=notes.append, capture=refuse),
    )
    for step in range(16):
        eager.step(step)
        graph.step(step)
    assert all(torch.equal(value, graph.state()[name]) for name, value in eager.state().items())
    assert len(notes) == 1
    assert "not permitted when stream is capturing" in notes[0]


@pytest.mark.parametrize("together", [False, True])
def test_where_draws_cannot_be_recorded_updates_still_are(together):
    class Waiting(Pair):
        def draw(self, n, rng):
            return {"noise": rng.normal(n, 1) * rng.uniform(1).item()}

    def members():
        models = [build(Waiting, Settings(), IMAGE, Rng(seed)).train() for seed in range(2)]
        return [{"model": m, "batches": Batches(Noise(IMAGE), 5, 0), "draws": Rng(1), "resets": Rng(2)} for m in models]

    def engines(capture, note):
        if together:
            return [FleetEngine([EagerStepper(**each) for each in members()], note, capture)]
        return [
            GraphStepper(**each, precision="float32", note=note, capture=capture) if capture else EagerStepper(**each)
            for each in members()
        ]

    notes, capture = [], FakeCudaCapture()
    eager, recorded = engines(None, pytest.fail), engines(capture, notes.append)
    for step in range(24):
        for engine in (*eager, *recorded):
            engine.step([step] * 2 if together else step)
    assert all(note.startswith("batches and draws are not captured") for note in notes)
    assert notes
    assert capture.captured
    for one, other in zip(eager, recorded, strict=True):
        for mine, its in zip(*((engine.members if together else [engine]) for engine in (one, other)), strict=True):
            assert all(torch.equal(value, its.state()[name]) for name, value in mine.state().items())


def test_a_restored_engine_continues_as_the_eager_one():
    eager, graph = (
        EagerStepper(**parts()),
        GraphStepper(**parts(), precision="float32", note=pytest.fail, capture=Capture()),
    )
    for step in range(12):
        eager.step(step)
    halfway = EagerStepper(**parts())
    for step in range(4):
        halfway.step(step)
    graph.restore({name: value.clone() for name, value in halfway.state().items()})
    for step in range(4, 12):
        graph.step(step)
    assert all(torch.equal(value, graph.state()[name]) for name, value in eager.state().items())


def fleet_parts(seed):
    model = build(Pair, Settings(), IMAGE, Rng(seed)).train()
    return EagerStepper(model, Batches(Noise(IMAGE), 5, seed), Rng(seed + 1), Rng(seed + 2))


def test_recorded_steps_of_a_fleet_are_the_eager_ones():
    capture = Capture()
    eager, recorded = (
        FleetEngine([fleet_parts(seed) for seed in range(3)], pytest.fail, kind) for kind in (None, capture)
    )
    starts = [0, 0, 1]
    for step in range(20):
        if step == 17:
            for fleet in (eager, recorded):
                fleet.leave([1])
        at = [start + step for start in starts[: len(eager.members)]]
        for fleet in (eager, recorded):
            fleet.step(at)
        assert recorded.losses() == eager.losses()
        for one, other in zip(eager.members, recorded.members, strict=True):
            assert all(torch.equal(value, other.state()[name]) for name, value in one.state().items())
    assert capture.replayed > capture.captured > 1


def test_what_cannot_be_recorded_of_a_fleet_is_no_error_of_a_member():
    class Odd(Pair):
        """Its loss is no method, so that members call it one by one; it cannot be recorded."""

        recording = False

        def objectives(self):
            def loss(images, draws):
                if Odd.recording:
                    raise RuntimeError("operation not permitted when stream is capturing")
                return self.error(images, draws)

            return [Objective("first", [self.first], loss, Adam(1e-3))]

    def capture(work, rngs):
        Odd.recording = True
        try:
            return FakeCudaCapture()(work, rngs)
        finally:
            Odd.recording = False

    def members():
        models = [build(Odd, Settings(), IMAGE, Rng(seed)).train() for seed in range(2)]
        return [EagerStepper(m, Batches(Noise(IMAGE), 5, 0), Rng(1), Rng(2)) for m in models]

    notes = []
    fleet, alone = FleetEngine(members(), notes.append, capture), members()
    for step in range(8):
        fleet.step([step] * 2)
        for engine in alone:
            engine.step(step)
    assert not fleet.failures
    assert "not permitted when stream is capturing" in notes[-1]
    for one, other in zip(alone, fleet.members, strict=True):
        assert all(torch.equal(value, other.state()[name]) for name, value in one.state().items())


def test_learning_rates_fall_in_recorded_steps_of_members_on_their_own_too():
    class Closed(Pair):
        """Its loss is no method, so that members call it one by one."""

        def objectives(self):
            def loss(images, draws):
                return self.error(images, draws)

            return [Objective("first", [self.first], loss, Adam(lambda step: 2.0 ** -(step // 2 + 4)))]

    def members():
        models = [build(Closed, Settings(), IMAGE, Rng(seed)).train() for seed in range(2)]
        return [EagerStepper(m, Batches(Noise(IMAGE), 5, 0), Rng(1), Rng(2)) for m in models]

    capture = Capture()
    fleet, alone = FleetEngine(members(), lambda text: None, capture), members()
    for step in range(12):
        fleet.step([step] * 2)
        for engine in alone:
            engine.step(step)
    assert capture.replayed == 12 - WARM_UP
    for one, other in zip(alone, fleet.members, strict=True):
        assert all(torch.equal(value, other.state()[name]) for name, value in one.state().items())


@pytest.fixture
def cuda(monkeypatch):
    """CUDA's graphs as far as a capture handles them; what is recorded is done again."""

    made = []

    class Graph:
        def __init__(self):
            self.generators, self.place, self.replays = [], None, 0
            made.append(self)

        def register_generator_state(self, generator):
            self.generators.append(generator)

        def replay(self):
            self.replays += 1

    @contextmanager
    def recording(graph, pool, stream):
        graph.place = pool, stream
        yield

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", recording)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", object)
    monkeypatch.setattr(torch.cuda, "Stream", object)
    return made


def test_graphs_share_memory_and_go_on_with_the_generators_that_they_draw_from(cuda):
    rng, capture = Rng(0), CudaCapture()
    first, second = (capture(lambda: "outputs", [rng]) for _ in range(2))
    assert (first(), second(), first()) == ("outputs", "outputs", "outputs")
    assert [graph.replays for graph in cuda] == [2, 1]
    assert [graph.generators for graph in cuda] == [[rng.generator]] * 2
    assert cuda[0].place == cuda[1].place
    assert capture.captured == 2


def test_a_graph_that_cannot_be_recorded_leaves_neither_memory_nor_generators_behind(cuda):
    rng, capture = Rng(0), CudaCapture()
    generator, expected = rng.generator, Rng(0).normal(3)

    def work():
        rng.normal(2)
        raise RuntimeError("operation not permitted when stream is capturing")

    with pytest.raises(RuntimeError, match="not permitted"):
        capture(work, [rng])
    assert rng.generator is not generator
    assert torch.equal(rng.normal(3), expected)
    capture(lambda: None, [rng])
    assert cuda[1].generators == [rng.generator]
    assert all(one is not other for one, other in zip(cuda[0].place, cuda[1].place, strict=True))
