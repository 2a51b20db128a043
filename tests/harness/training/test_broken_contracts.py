"""What breaks its contract ends a trial with a message that names it, alone and in a fleet."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness import FactorGrid, GroundTruthDataset, ImageSpec, Rng, Settings
from harness.data.checks import ImageWatch, check_batch
from harness.data.images import StoredImages
from harness.errors import ContractError, UserError
from harness.plugins.manager import PluginManager
from harness.results.folder import ResultsFolder
from harness.scoring.model_evaluation import ModelEvaluation
from harness.suite.build import load, load_dataset
from harness.suite.expansion import Data
from harness.suite.schema import Training
from harness.suite.trial import Choice, Trial
from harness.training.purity import generator_states, moved_since
from harness.training.trainer import Callbacks, train
from support import ODD

ENGINES = ["eager", "a fleet"]


@pytest.fixture(scope="module")
def registry():
    return PluginManager([ODD], blocked=["harness_linear"]).registry


@pytest.fixture
def ends(registry, tmp_path):
    """Trains a model on the odd dataset; gives what was told and why trials ended badly."""

    def run(model="sound", engine="eager", batch_size=8, model_config=(), **dataset):
        choice = Choice("odd", dataset)
        training = Training(steps=8, batch_size=batch_size)
        seeds = range(1 if engine == "eager" else 3)
        trials = [Trial(choice, Choice(model, dict(model_config)), training, seed) for seed in seeds]
        failures, told = [], []
        callbacks = Callbacks(
            report=lambda trial, progress: told.append(progress),
            failed=lambda trial, error: failures.append(str(error)),
            stopping=lambda: False,
            provenance=dict,
        )
        loaded = load_dataset(registry, choice, "cpu")
        folder = ResultsFolder(tmp_path / "results")
        models = train(trials, registry, loaded, folder, callbacks, engine="eager", checkpoint_seconds=60)
        assert len(models) + len(failures) == len(trials)
        return failures

    return run


@pytest.mark.parametrize("engine", ENGINES)
def test_what_keeps_its_contract_is_trained(ends, engine):
    assert ends(engine=engine) == []


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("model", "place", "generator"),
    [
        ("dropout", "the loss Sound.error of objective 'all'", r"torch's global generator \(nn.Dropout"),
        ("noisy", "the loss Noisy.error of objective 'all'", "torch's global generator"),
        ("numpy", "the loss Numpy.error of objective 'all'", "NumPy's global generator"),
        ("python", "the loss Python.error of objective 'all'", "Python's global generator"),
        ("undrawn", "the model's `draw`", "torch's global generator"),
        ("ending", "the model's `finish_step`", "torch's global generator"),
        ("late", "the loss Late.late of objective 'all'", "torch's global generator"),
        ("scheduling", "the model's `schedule`", "Python's global generator"),
        ("reseeding", "the loss Reseeding.error of objective 'all'", "torch's global generator"),
    ],
)
def test_a_model_that_draws_from_a_global_generator_fails_with_the_place(ends, engine, model, place, generator):
    for failure in ends(model, engine):
        assert failure.startswith(f"{place} draws from {generator}".replace("\\", ""))
    assert ends(model, engine)


def test_so_does_one_that_begins_to_draw_after_its_first_steps(ends):
    (failure,) = ends("warming")
    assert failure.startswith("in step 5 the model or its dataset draws from torch's global generator (nn.Dropout")
    assert all("draws from torch's global generator" in failure for failure in ends("warming", "a fleet"))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("model", "place"),
    [
        ("ownnumpy", "the loss Weighing.error of objective 'all'"),
        ("owntorch", "the loss Weighing.error of objective 'all'"),
        ("owndrawing", "the model's `draw`"),
        ("clock", "the loss Weighing.error of objective 'all'"),
        ("counting", "the loss Weighing.error of objective 'all'"),
    ],
)
def test_so_does_one_whose_numbers_depend_on_anything_else(ends, engine, model, place):
    failures = ends(model, engine)
    assert failures
    for failure in failures:
        assert failure.startswith(f"{place} gives other numbers when it is called again with equal arguments")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("a number", " returns Tensor, not a dict of named terms"),
        ("nothing", " returns NoneType, not a dict of named terms"),
        ("a list", " returns list, not a dict of named terms"),
        ("none", " returns an empty dict, not a dict of named terms"),
        ("a float", ": the term 'error' is float, not a tensor without dimensions"),
        ("a vector", ": the term 'error' is of shape (3,), not a tensor without dimensions"),
    ],
)
def test_a_loss_that_returns_no_named_numbers_fails_with_what_it_returns(ends, engine, what, said):
    failures = ends("returning", engine, model_config={"what": what})
    assert failures
    for failure in failures:
        assert failure.startswith(f"the loss Returning.error of objective 'all'{said}")


def test_so_does_a_dataset(ends):
    (failure,) = ends(kind="augmented")
    assert failure.startswith("dataset odd: `images` gives other numbers when it is asked for the same images again")


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("bytes", "uint8 (8, 1, 4, 4)"),
        ("half", "float16 (8, 1, 4, 4)"),
        ("double", "float64 (8, 1, 4, 4)"),
        ("signed", "numbers in [-0.987, 0.973]"),
        ("channels last", "float32 (8, 4, 4, 1)"),
        ("undefined", "numbers that are not finite"),
        ("infinite", "numbers that are not finite"),
        ("flat", "float32 (8, 16)"),
        ("too few", "float32 (7, 1, 4, 4)"),
        ("numpy", "numpy.ndarray instead of a tensor"),
        ("elsewhere", "on meta"),
        ("sparse", "sparse_coo float32 (8, 1, 4, 4)"),
        ("nothing", "NoneType instead of a tensor"),
    ],
)
def test_images_that_are_not_what_the_dataset_promises_are_not_trained_on(ends, kind, given):
    (failure,) = ends(kind=kind)
    assert failure.startswith("dataset odd: `images` gives ")
    assert given in failure
    assert failure.endswith("not float32 (8, 1, 4, 4) in [0, 1] on cpu, as `image = 1x4x4` says")


@pytest.mark.parametrize(
    ("settings", "given"),
    [
        ({"labels": "float"}, "float32 (8,)"),
        ({"labels": "int32"}, "int32 (8,)"),
        ({"labels": "column"}, "int64 (8, 1)"),
        ({"labels": "one-hot"}, "int64 (8, 4)"),
        ({"labels": "numpy"}, "numpy.ndarray instead of a tensor"),
        ({"first": 1}, "labels from 1 to 4"),
        ({"first": -1}, "labels from -1 to 2"),
        ({"first": 6}, "labels from 6 to 9"),
    ],
)
def test_nor_are_labels(ends, settings, given):
    (failure,) = ends(**settings)
    assert failure.startswith("dataset odd: `labels` gives ")
    assert given in failure
    assert "not int64 (8,) from 0 to 3, as `classes = 4` says" in failure


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("model", ["sound", "probable"])
@pytest.mark.parametrize("kind", ["bytes", "double", "signed", "undefined", "infinite", "channels last", "numpy"])
def test_an_image_of_a_later_batch_is_noticed_too(ends, engine, model, kind):
    first = {int(i) for seed in range(3) for i in Rng.of(seed, "epoch", 0).permutation(40)[:8]}
    one = min(set(range(40)) - first)
    for failure in ends(model, engine, kind=kind, one=one):
        assert failure.startswith(f"dataset odd: `images` gives at index {one} ")
        assert failure.endswith("not float32 (1, 1, 4, 4) in [0, 1] on cpu, as `image = 1x4x4` says")
    assert ends(model, engine, kind=kind, one=one)


@pytest.mark.parametrize(("last", "given"), [(7, "labels from 0 to 7"), (-2, "labels from -2 to 3")])
def test_so_is_a_label_of_an_image_that_comes_late(ends, last, given):
    (failure,) = ends(last=last)
    assert failure.startswith(f"dataset odd: `labels` gives {given}, not int64")
    assert failure.endswith(", the first at index 39")


def test_so_is_an_image_that_is_only_evaluated(registry):
    odd = registry.find("datasets", "odd").load()
    sound = registry.find("models", "sound").load()
    evaluation = ModelEvaluation(sound(sound.Config(), odd.image), odd(odd.Config(kind="signed", one=21)))
    assert evaluation.codes(np.arange(20)).shape == (20, 3)
    with pytest.raises(ContractError, match=r"dataset Odd: `images` gives at index 21 numbers in \[-"):
        evaluation.codes(np.arange(40))


def test_images_that_are_kept_as_bytes_are_not_looked_at():
    class Stored(StoredImages):
        image = ImageSpec(1, 2, 2)

        def read(self):
            return np.zeros((4, 2, 2, 1), dtype=np.uint8)

    dataset = Stored(Settings())
    dataset.load()
    watch = ImageWatch(dataset, "stored", 4)
    watch.see(torch.arange(4), torch.full((4, 1, 2, 2), torch.nan))
    watch.check()


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"image": (1, 4, 4)}, "`image` is (1, 4, 4), not an ImageSpec(channels, height, width)"),
        ({"image": None}, "`image` is None, not an ImageSpec"),
        ({"classes": None}, "`classes` is None, not the number of classes"),
        ({"classes": 0}, "`classes` is 0, not the number of classes"),
        ({"classes": "4"}, "`classes` is '4', not the number of classes"),
        ({"image": ImageSpec(0, 4, 4)}, "not an ImageSpec(channels, height, width) of positive numbers"),
        ({"__len__": lambda self: 40.0}, "`__len__` gives no number of images"),
        (
            {"__len__": lambda self: 50, "images": lambda self, at: torch.zeros(40, 1, 4, 4)[at + 42]},
            "`images` raises Ind",
        ),
        ({"labels": lambda self, indices: {}[0]}, "`labels` raises KeyError: 0, for indices from 0 to 7"),
        ({"images": lambda self, at: torch.full((len(at), 1, 4, 4), 1.0001)}, "numbers in [1, 1.0001]"),
    ],
)
def test_what_a_dataset_says_of_itself_is_checked(registry, declared, said):
    odd = registry.find("datasets", "odd").load()
    dataset = type("Declared", (odd,), declared)(odd.Config())
    with pytest.raises(ContractError) as caught:
        check_batch(dataset, torch.arange(8), "odd")
    assert said in str(caught.value)


def test_factors_of_other_images_are_refused(registry):
    class Short(GroundTruthDataset):
        """Has more factors than images."""

        image = ImageSpec(1, 4, 4)
        factors = FactorGrid(["row"], [9])

        def __len__(self):
            return 8

    with pytest.raises(ContractError, match="`__len__` gives 8 images, and `factors` are those of 9"):
        check_batch(Short(Settings()), torch.arange(8), "short")


@pytest.mark.parametrize("declared", [{"image": [1, 4, 4]}, {"image": None}])
def test_a_dataset_without_a_shape_is_refused_before_anything_is_built(declared):
    registry = PluginManager([ODD], blocked=["harness_linear"]).registry
    entry = registry.find("datasets", "odd")
    odd = type("Shapeless", (entry.load(),), declared)
    shapeless = SimpleNamespace(find=lambda *_: SimpleNamespace(load=lambda: odd))
    with pytest.raises(ContractError, match=r"dataset odd: `image` is .*, not an ImageSpec"):
        Data.of(shapeless, Choice("odd"))


@pytest.mark.parametrize(
    "draw", [lambda: torch.rand(3).tolist(), lambda: np.random.rand(3).tolist(), lambda: [random.random()]]
)
def test_what_loading_draws_from_a_global_generator_is_the_same_in_every_process(draw):
    drawn = []
    dataset = SimpleNamespace(load=lambda device: drawn.append(draw()))
    states = generator_states()
    load(dataset, "cpu")
    assert not moved_since(states)
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    load(dataset, "cpu")
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_batch_that_is_larger_than_the_dataset_is_one_message(ends, engine):
    with pytest.raises(UserError, match=r"training\.batch_size: 41 is more than the dataset's 40 images"):
        ends(engine=engine, batch_size=41)


@pytest.mark.parametrize("engine", ENGINES)
def test_one_image_is_too_few_for_batch_normalisation(ends, engine):
    failures = ends(engine=engine, batch_size=1, model_config={"norm": "batch"})
    assert len(set(failures)) == 1
    assert failures[0].startswith("training.batch_size: 1 is too small")
    assert ends(engine=engine, batch_size=1) == []
