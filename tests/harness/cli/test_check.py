"""`harness check` prints each answer, and advice without failing."""

import sys

import pytest

from harness.cli import main

ADVISED = """
import harness
from harness import Adam, Model, Objective
from torch import nn

class Branching(Model):
    "Decides by the value of a tensor, which a fleet cannot do."

    def __init__(self, config, image):
        super().__init__(config, image)
        self.layer = nn.Linear(image.channels * image.height * image.width, 1)

    def objectives(self):
        return [Objective("size", trains=[self.layer], loss=self.size, optimizer=Adam(1e-3))]

    def size(self, images, draws):
        size = self.layer(images.flatten(1)).square().mean()
        return {"size": size if size > 0 else -size}

@harness.hookimpl
def harness_register_models(register):
    register("branching", Branching, "decides")
"""


SLIPS = """
import harness, torch
from harness import Adam, Model, Objective
from torch import nn

class Base(Model):
    "A layer."

    def __init__(self, config, image):
        super().__init__(config, image)
        self.layer = nn.Linear(image.channels * image.height * image.width, 1)

    def objectives(self):
        declared = {"trains": [self.layer], "loss": self.size, "optimizer": Adam(1e-3), **self.slip()}
        return [Objective("size", **declared)]

    def slip(self):
        return {}

    def size(self, images, draws):
        return {"size": self.layer(images.flatten(1)).square().mean()}

class Single(Base):
    "One objective and no list."
    def objectives(self):
        return super().objectives()[0]

class Optimizer(Base):
    "An optimizer of torch."
    def slip(self):
        return {"optimizer": torch.optim.SGD(self.parameters(), 0.1)}

class Network(Base):
    "A network and no list."
    def slip(self):
        return {"trains": self.layer}

class Parameters(Base):
    "Parameters and no networks."
    def slip(self):
        return {"trains": list(self.parameters())}

class Called(Base):
    "A number and no loss."
    def slip(self):
        return {"loss": 0.5}

class Misspelt(Base):
    "A mistake in the loss."
    def size(self, images, draws):
        return {"size": self.layr(images)}

@harness.hookimpl
def harness_register_models(register):
    for model in (Single, Optimizer, Network, Parameters, Called, Misspelt):
        register(model.__name__.lower(), model, "slips")
"""


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """Runs `harness check NAME` on a plugin of this text; gives the exit code and what was told."""

    def run(text, name):
        (tmp_path / "mine.py").write_text(text)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["harness", "check", name, "--plugin", "mine.py", "--image", "1x8x8"])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, " ".join("".join(capsys.readouterr()).split())

    return run


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("single", "Single.objectives returns Objective, not a list of Objective"),
        ("optimizer", "objective 'size': `optimizer` is one of harness, such as Adam(1e-3), not torch.optim.sgd.SGD"),
        ("network", "objective 'size': `trains` is a list of networks, not torch.nn.modules.linear.Linear"),
        ("parameters", "`trains` is a list of networks, not of torch.nn.parameter.Parameter"),
        ("called", "objective 'size': `loss` is a function, or functions by step, not 0.5"),
    ],
)
def test_a_slip_is_one_message_with_what_was_meant(check, name, told):
    code, output = check(SLIPS, name)
    assert code == 1
    assert output.count(told) == 1


def test_an_error_is_told_once_with_the_line_of_the_author(check):
    code, output = check(SLIPS, "misspelt")
    assert code == 1
    assert output.count("AttributeError: 'Misspelt' object has no attribute 'layr'") == 1
    line = SLIPS[: SLIPS.index("self.layr")].count("\n") + 1
    assert f"(mine.py, line {line}, in size)" in output
    assert output.count("for the same reason") > 4


def test_advice_is_told_and_no_failure(tmp_path, monkeypatch, capsys):
    (tmp_path / "branching.py").write_text(ADVISED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["harness", "check", "branching", "--plugin", "branching.py", "--image", "1x8x8"])
    with pytest.raises(SystemExit) as end:
        main()
    told = capsys.readouterr().out
    assert end.value.code == 0, told
    assert "! in this fleet Branching.size is called" in told
    assert "\n✗" not in told
    assert "branching keeps its contract." in told


DROPOUT = (
    SLIPS.replace('"A layer."', '"Drops what it sees, as the guide says."')
    .replace(
        '        return {"size": self.layer(images.flatten(1)).square().mean()}',
        """        seen = images.flatten(1) * draws["kept"] / (1 - self.config.rate)
        return {"size": self.layer(seen).square().mean()}

    class Config(harness.Settings):
        rate: float = harness.Field(0.3, ge=0, lt=1, description="what is dropped")

    def draw(self, n, rng):
        return {"kept": (rng.uniform(n, 64) > self.config.rate).float()}""",
        1,
    )
    .replace("(Single,", "(Base, Single,")
)


def test_dropout_that_is_drawn_keeps_the_contract(check):
    code, output = check(DROPOUT, "base")
    assert code == 0, output


def test_torchs_own_dropout_is_told_as_what_it_is(check):
    own = DROPOUT.replace('draws["kept"]', "1").replace("self.layer(seen)", "self.layer(nn.Dropout(0.3)(seen))")
    code, output = check(own, "base")
    assert code == 1
    assert "draws from torch's global generator" in output
    assert "in a fleet whose members differ" not in output
