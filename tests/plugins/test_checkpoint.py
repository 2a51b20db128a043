"""Models that were trained elsewhere: in suites, beside those that are trained here."""

import warnings

import numpy as np
import pytest
import safetensors.torch
import torch

import harness
from harness import ImageSpec, Rng, UserError
from harness.config import parse
from harness.execution.plan import RunOptions
from harness.model import build
from harness.scoring.applicability import inapplicable
from harness.suite.suite import load_suite
from harness_checkpoint.module_files import built, torchscript

CODE = """
import torch
from torch import Tensor, nn


class AutoEncoder(nn.Module):
    def __init__(self, codes: int = 3):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, codes))
        self.decoder = nn.Sequential(nn.Linear(codes, 64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8)))

    def forward(self, images: Tensor) -> Tensor:
        return self.reconstruct(images)

    @torch.jit.export
    def encode(self, images: Tensor) -> Tensor:
        return self.encoder(images)

    @torch.jit.export
    def generate(self, latents: Tensor) -> Tensor:
        return self.decoder(latents)

    @torch.jit.export
    def reconstruct(self, images: Tensor) -> Tensor:
        return self.generate(self.encode(images))


def wrong():
    return 3
"""
SUITE = """
seeds = 2
[dataset]
name = "bars"
[training]
steps = 2
batch_size = 8
[[models]]
name = "checkpoint"
label = "script"
config = {file = "model.pt", can = ["encode", "reconstruct"], origin = "a loop of our own"}
[[models]]
name = "checkpoint"
label = "parameters"
config.file = "model.safetensors"
config.code = "net.py"
config.build = "AutoEncoder"
config.can = ["encode", "generate", "reconstruct"]
config.latents = 3
[[models]]
name = "linear"
[evaluation]
metrics = ["mig", "reconstruction-error"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model in each of the formats, and the code of its module."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "net.py").write_text(CODE)
    torch.manual_seed(0)
    model = built(str(folder / "net.py"), "AutoEncoder", {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(model).save(folder / "model.pt")
    safetensors.torch.save_file(model.state_dict(), folder / "model.safetensors")
    torch.save({"model": model.state_dict(), "step": 3}, folder / "training.pth")
    torch.save(model.state_dict(), folder / "model.pth")
    (folder / "text.pt").write_text("<html>")
    (folder / "study.toml").write_text(SUITE)
    return folder


@pytest.fixture(scope="module")
def study(folder, manager):
    harness.run(
        folder / "study.toml",
        folder / "results",
        options=RunOptions(device="cpu", jobs=1, threads=1),
        plugins=manager,
    )
    return harness.Results(folder / "results", plugins=manager.files)


def test_a_checkpoint_stands_in_the_leaderboard_beside_trained_models(study, folder):
    scores = study.scores.set_index(["model", "metric"])["score"]
    assert scores["script", "mig"] == scores["parameters", "mig"]
    assert scores["script", "reconstruction-error"] == scores["parameters", "reconstruction-error"]
    assert study.leaderboard.groupby("model")["n"].max().to_dict() == {"script": 1, "parameters": 1, "linear": 2}
    assert set(study.scores["steps"][study.scores["model"] != "linear"]) == {0}
    dataset = study.trials[0].dataset()
    codes = study.trials[0].model().encode(dataset.images(torch.arange(len(dataset))))
    assert harness.score(codes, dataset, ["mig"])["mig"] == scores["script", "mig"]


def test_what_a_checkpoint_cannot_do_it_is_not_asked(study):
    script, parameters, _, _ = study.trials
    assert not script.model().model.can("generate")
    assert parameters.model().model.can("generate")
    assert parameters.model().generate(torch.zeros(2, 3)).shape == (2, 1, 8, 8)


def test_what_it_can_do_is_said_before_a_run_as_it_is_scored(folder, registry, study):
    suite = load_suite(folder / "study.toml", registry, ['evaluation.metrics=["mig", "ms-ssim"]'])
    assert inapplicable(suite, registry) == {"ms-ssim": {"the model has no generator": ["script"]}}
    for trial in study.trials[:2]:
        known = harness.evaluate(trial.model(), trial.dataset(), ["mig", "ms-ssim"]).record("ms-ssim").reason
        assert known.startswith("the model has no generator") == (trial.trial.label == "script")


def test_functions_stand_in_place_of_the_methods_of_a_checkpoint(study):
    trial = study.trials[0]
    scores = harness.evaluate(
        trial.model(),
        trial.dataset(),
        ["memorisation"],
        generate=lambda latents: torch.zeros(len(latents), 1, 8, 8),
        latents=2,
    )
    assert "the model has no generator" not in scores.record("memorisation").reason


def test_what_it_may_be_able_to_do_is_shown(command):
    assert "can: encode, generate, reconstruct, as its settings say" in command("show", "checkpoint").stdout


def test_where_it_is_from_and_what_its_file_holds_is_recorded(study):
    trial = study.trials[0].trial
    assert trial.model.config["origin"] == "a loop of our own"
    assert [len(digest) for digest in trial.model.files.values()] == [16]
    hyperparameters = study.scores["hyperparameters"][0]
    assert hyperparameters["file"].endswith("model.pt")


def test_another_file_is_another_trial_and_the_same_file_elsewhere_is_not(folder, tmp_path, registry):
    for name in ("net.py", "model.pt", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "study.toml").write_text(SUITE)
    own, copied = (load_suite(place / "study.toml", registry).trials for place in (folder, tmp_path))
    assert [trial.id for trial in own] == [trial.id for trial in copied]
    (tmp_path / "net.py").write_text(CODE + "\n# edited\n")
    edited = load_suite(tmp_path / "study.toml", registry).trials
    assert [a.id == b.id for a, b in zip(own, edited, strict=True)] == [True, False, True, True]


@pytest.mark.parametrize("name", ["model.pth", "model.safetensors", "training.pth"])
def test_parameters_are_read_from_what_people_save(folder, registry, name):
    entry = "model" if name == "training.pth" else ""
    config = {"file": str(folder / name), "code": str(folder / "net.py"), "build": "AutoEncoder", "entry": entry}
    model_class = registry.find("models", "checkpoint").load()
    model = build(model_class, parse(model_class.Config, config, ""), ImageSpec(1, 8, 8), Rng(0))
    script = torchscript(str(folder / "model.pt"))
    images = torch.from_numpy(np.random.default_rng(0).random((4, 1, 8, 8), np.float32))
    assert torch.equal(model.encode(images), script.encode(images))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('config.file = "absent.pt"', r"models\[0\]\.config\.file: .*absent.pt: No such file"),
        ('config.file = "text.pt"', "text.pt: not a TorchScript archive .*; of a file of parameters, say in `code`"),
        ('config = {file = "text.pt", code = "net.py", build = "AutoEncoder"}', "text.pt: not a file of parameters"),
        ('config = {file = "model.pth", code = "net.py"}', "net.py: has no function or class 'build'"),
        ('config = {file = "model.pth", code = "net.py", build = "wrong"}', "wrong returns int, expected an nn.Module"),
        (
            'config = {file = "model.pth", code = "net.py", build = "AutoEncoder", arguments = {codes = 4}}',
            r"encoder.1.weight has the shape \(3, 64\) in the file and \(4, 64\) in the module",
        ),
        (
            'config = {file = "training.pth", code = "net.py", build = "AutoEncoder"}',
            "expected parameters by name; `entry` names where they are; it has model, step",
        ),
        ('config = {file = "model.pt", can = ["generate"]}', "a model that can generate has `latents`"),
        ('config = {file = "model.pt", can = ["posterior"]}', r"config\.can\[0\]: got 'posterior'"),
        ('config.file = "model.pt"\nseeds = 3', r"models\[0\]\.seeds: checkpoint was trained elsewhere, once"),
        ('config.file = "model.pt"\ntraining.steps = 3', r"models\[0\]\.training\.steps: checkpoint was trained"),
    ],
)
def test_a_wrong_checkpoint_is_one_message(folder, registry, entry, message):
    head = SUITE[: SUITE.index("[[models]]")]
    (folder / "wrong.toml").write_text(f'{head}[[models]]\nname = "checkpoint"\n{entry}\n')
    with pytest.raises(UserError, match=message) as caught:
        load_suite(folder / "wrong.toml", registry)
    assert len(str(caught.value)) < 700
