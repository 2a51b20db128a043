"""Every command that the documents show does what it is shown for.

Those of `harness` are carried out, in this process, in a folder with a small finished study and a new plugin package.
Names that stand for something are replaced as STANDS_FOR says, and where a command would take long, ADDED says what
is added to it. Of commands of other programs only the parts are checked that this project answers for: extras,
environments of tox, paths. `tox` itself, which begins with `pip install`, is what CI runs.
"""

import configparser
import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import click
import numpy as np
import pytest

from harness.cli import cli, main
from harness.execution.plan import RunOptions
from harness.execution.study import run
from support import ROOT

DOCUMENTS = (
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "plugins/README.md", "suites/README.md"),
    *("results/README.md", "results/published/README.md"),
)
PROGRAMS = ("harness", "srun", "pip", "pytest", "tox", "git", "python", ".", "cd", "eval")

STANDS_FOR = {
    "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT": "3/8",
    "/shared/results/NAME": "results/study",
    "s3://bucket/NAME": "memory://bucket/study",
    "SUITE": "study.toml",
    "NAME.toml": "disentanglement.toml",
    "results/NAME/TRIAL": "results/study/dcgan seed=0",
    "results/NAME": "results/study",
    "results/disentanglement": "results/study",
    "results/contrastive_rooms": "results/study",
    "results/contrastive_weight": "results/study",
    "results/contrastive_ablation": "results/study",
    "results/contrastive_information": "results/study",
    "more steps, weight 1 training.steps=3000": "beta-vae",
    "more steps, weight 0 training.steps=3000": "dcgan",
    "information 0.05, weight 1": "beta-vae",
    "information 0.05, weight 0": "dcgan",
    "full width, weight 1": "beta-vae",
    "full width, weight 0": "dcgan",
    "results/infogan_mnist/infogan (code) seed=0": "results/study/dcgan seed=0",
    "results/traversal/beta-vae": "results/study/beta-vae seed=0",
    "results/contrastive_information/without the term seed=24": "results/study/dcgan seed=0",
    "results/contrastive_information/infogan-cr seed=24": "results/study/dcgan seed=0",
    "results/suite": "results/study",
    "TRIAL": "results/study/dcgan seed=0",
    "FOLDER": "results/study",
    "RESULTS": "results/study",
    "DATASET": "sprites",
    "NAME": "mig",
}
ADDED = {
    # What would train models that are not there yet only says that it would; so does every suite of suites/.
    "harness run my-model/suite.toml": "--dry-run",
    "harness run study.toml --set training.steps=500": "--dry-run",
    "harness run study.toml --set training.steps=500 --set models.beta-vae.config.latents=6": "--dry-run",
    # Nor are there GPUs, a cluster or eight jobs.
    "harness run study.toml --device cuda:0,1": "--dry-run",
    "harness run study.toml --trials-per-gpu 4": "--dry-run",
    "harness run study.toml --engine graph": "--dry-run",
    "harness run study.toml --engine compiled": "--dry-run",
    "harness run study.toml --fleet 8": "--dry-run",
    "harness bench --model beta-vae --dataset digits": "--steps 5 --config width=0.05 --output results/bench",
    "harness run study.toml --ray HOST:PORT": "--dry-run",
    "harness run study.toml --shard 3/8": "--dry-run",
    "harness run study.toml --shard 3/8 --output results/study": "--dry-run",
    "harness run study.toml --output memory://bucket/study": "--dry-run",
    # Addresses are not asked, and here nobody keeps files.
    "harness data check": "sprites",
    "harness show sprites --pictures out.png": "--set image_size=32 --set orientations=2 --set scales=1",
    "harness report results/study": "--pictures none",
    # Other commands look for the trial by its label.
    "harness results relabel results/study dcgan gan": "--help",
    "harness traverse results/study/dcgan seed=0": "--steps 3 --columns 3",
    "harness traverse results/study/dcgan seed=0 --range -2 2": "--steps 3 --columns 3",
}
SUITE = """
title = "What the documents' commands are tried on"
[dataset]
name = "sprites"
image_size = 32
scales = 2
orientations = 3
positions_x = 4
positions_y = 4
[training]
steps = 0
batch_size = 16
[[models]]
name = "dcgan"
config.width = 0.05
training.steps = 40
[[models]]
name = "beta-vae"
config.width = 0.05
seeds = 2
[evaluation]
metrics = ["mig"]
selectors = ["udr-spearman"]
"""


def blocks(text):
    """The lines of a document that stand for themselves: indented by four spaces, or in a fence of a shell."""
    fenced = "\n".join(re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE))
    outside = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [*fenced.splitlines(), *re.findall(r"^ {4}(\S.*)$", outside, flags=re.MULTILINE)]


def shown(name):
    """Every command line of a document, without what it says about it behind two spaces."""
    lines = [re.split(r"\s{2,}", line)[0] for line in blocks((ROOT / name).read_text())]
    parts = [part.strip() for line in lines for part in line.split("&&")]
    return [part for part in parts if part.split()[0] in PROGRAMS]


def mentioned(name):
    """Every `harness ...` inside a sentence."""
    text = re.sub(r"^```.*?^```", "", (ROOT / name).read_text(), flags=re.DOTALL | re.MULTILINE)
    return [" ".join(found.split()) for found in re.findall(r"`(harness [a-z][^`]*)`", text)]


def filled(command):
    """A command with a real thing for each placeholder."""
    return [_real(word) for word in shlex.split(command)]


def _real(word):
    for placeholder, real in STANDS_FOR.items():
        if re.search(rf"(^|/){re.escape(placeholder)}$", word):
            return word.removesuffix(placeholder) + real
    return word


SHOWN = list(dict.fromkeys(command for name in DOCUMENTS for command in shown(name)))
MENTIONED = list(dict.fromkeys(command for name in DOCUMENTS for command in mentioned(name)))


def of_harness(command):
    """The arguments of a `harness` command, with what is added to it; None for other programs."""
    command = command.removeprefix("srun ").removeprefix('eval "$(').removesuffix(')"')
    if not command.startswith("harness "):
        return None
    words = filled(command)
    shipped = words[1] == "run" and words[2].startswith("suites/")
    return [*words[1:], *ADDED.get(" ".join(words), "--dry-run" if shipped else "").split()]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory, manager):
    """A folder as its reader would have it: suites, a finished study, a table of codes, a new plugin that is found."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "suites", folder / "suites")
    (folder / "study.toml").write_text(SUITE)
    options = RunOptions(device="cpu", jobs=1, threads=1)
    run(folder / "study.toml", folder / "results" / "study", options=options, plugins=manager)
    return folder


@pytest.fixture
def harness(sandbox, monkeypatch, capsys):
    """Runs a command of harness in the sandbox and returns its exit code and what it told."""
    monkeypatch.chdir(sandbox)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("HARNESS_DATA", str(sandbox / "data"))

    def run(arguments):
        for name, shape in {"codes.npz": (6, 2), "pool.npz": (3, 6, 2)}.items():
            if name in arguments:
                codes = np.random.default_rng(0).normal(size=shape).astype(np.float32)
                np.savez(sandbox / name, codes=codes, factor_sizes=np.array([2, 3]))
        if "my-model" in " ".join(arguments) and arguments[0] != "new":
            monkeypatch.syspath_prepend(install(sandbox / "my-model"))
        monkeypatch.setattr(sys, "argv", ["harness", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, "".join(capsys.readouterr())

    return run


def install(package):
    """What `pip install -e` leaves: a folder on the path, and entry points to be found."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    info = package / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = [f"{name} = {module}" for name, module in project["entry-points"]["harness"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[harness]", *points, ""]))
    return str(package)


def test_the_documents_show_commands_and_every_addition_is_to_one_of_them():
    assert len(SHOWN) > 25
    ours = {" ".join(filled(command.removeprefix("srun "))) for command in SHOWN}
    assert set(ADDED) - {"harness show sprites --pictures out.png"} <= ours


@pytest.mark.parametrize("command", [command for command in SHOWN if of_harness(command)])
def test_a_command_of_harness_works(command, harness):
    arguments = of_harness(command)
    if arguments[:2] == ["new", "model"]:
        shutil.rmtree(arguments[2], ignore_errors=True)
    elif "my-model" in command and not Path("my-model").exists():
        harness(["new", "model", "my-model"])
    code, told = harness(arguments)
    assert code == 0, told


@pytest.mark.parametrize("command", MENTIONED)
def test_a_command_in_a_sentence_exists_with_its_options(command):
    name, *rest = filled(command)[1:]
    found = cli.get_command(click.Context(cli), name)
    assert found, f"there is no command {name}"
    options = {option for parameter in found.params for option in parameter.opts}
    assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= options


@pytest.mark.parametrize("command", [command for command in SHOWN if not of_harness(command)])
def test_the_parts_of_other_commands_are_there(command):
    program, *words = shlex.split(command)
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [name for word in words for listed in re.findall(r"\[(.*)\]", word) for name in listed.split(",")]
    assert set(extras) <= set(pyproject["optional-dependencies"])
    if program == "pip":
        assert words[0] == "install"
        for folder in (word.partition("[")[0] for word in words if "/" in word or word.startswith(".")):
            assert (ROOT / folder / "pyproject.toml").exists()
    if program == "tox":
        tox = configparser.ConfigParser(interpolation=None)
        tox.read(ROOT / "tox.ini")
        named = [words[place + 1] for place, word in enumerate(words) if word == "-e"]
        assert all(f"testenv:{name}" in tox for name in named)


def test_every_environment_of_tox_that_is_mentioned_exists():
    text = "".join((ROOT / name).read_text() for name in DOCUMENTS)
    tox = (ROOT / "tox.ini").read_text()
    named = re.findall(r"tox -e (\w+)", text)
    assert named
    assert all(f"[testenv:{name}]" in tox for name in named)


@pytest.mark.slow
def test_the_readmes_first_commands_end_in_a_page(sandbox, harness):
    code, told = harness(["run", "suites/disentanglement.toml", "--set", "training.steps=2", "--set", "seeds=2"])
    assert code == 0, told
    assert "infogan-cr" in told
    code, told = harness(["report", "results/disentanglement", "--output", "page.html"])
    assert code == 0, told
    assert "Disentanglement in small rooms" in Path("page.html").read_text()


def test_the_pictures_of_the_readme_are_there_and_small():
    pictures = [ROOT / found for found in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text())]
    assert len(pictures) == 3
    assert sum(picture.stat().st_size for picture in pictures) < 400_000


def test_what_contributors_are_told_to_find_is_there():
    """Every path that CONTRIBUTING.md names exists, and so do its folders of the core."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"`((?:harness|plugins|tests|suites)/[\w/.]+)`", text)
    assert len(named) > 25
    assert not [path for path in named if not (ROOT / path).exists()]
    house = text[text.index("    cli  ") : text.index("    (root)")]
    folders = {word for line in house.splitlines() for word in re.split(r"\s{2,}", line.strip(), maxsplit=0)[:-1]}
    folders = {word for group in folders for word in group.split()}
    there = {path.name for path in (ROOT / "harness").iterdir() if (path / "__init__.py").exists()}
    assert folders == there
