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
