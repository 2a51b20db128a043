"""`harness data`: files of datasets listed, found, verified, cleaned up, and their addresses asked."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from file_server import CHECKSUM, CONTENT, serving

from harness import UserError
from harness.cli.commands.data import command
from harness.data import decoded, locked

PLUGIN = """
import harness
from harness import ImageSpec, Settings
from harness.data import DataFile
from toy import Bars


@harness.hookimpl
def harness_register_datasets(register):
    register("served", Served, "bars, and files that are nowhere read")


class Served(Bars):
    @classmethod
    def published_files(cls):
        return [
            DataFile("set/file", "https://example.org", "sprites", "{first}", "{checksum}", ("{second}",)),
            DataFile("set/other", "https://example.org/other", "sprites"),
        ]
"""


@pytest.fixture(scope="module")
def server():
    with serving() as listening:
        yield listening


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The data root."""
    root = tmp_path / "data"
    (root / "set").mkdir(parents=True)
    monkeypatch.setenv("HARNESS_DATA", str(root))
    return root


@pytest.fixture
def harness_data(data, server, tmp_path):
    """Runs `harness data` beside a plugin with a set of two files; gives the exit code and what was printed."""

    def run(*arguments, first="gone", second="in-parts"):
        urls = {"first": f"{server.url}/{first}", "second": f"{server.url}/{second}"}
        plugin = tmp_path / (re.sub("[^a-z]+", "_", f"served {first} {second}") + ".py")
        plugin.write_text(PLUGIN.format(checksum=CHECKSUM, **urls))
        call = [*arguments, "--plugin", str(plugin)]
        done = CliRunner().invoke(command, call, standalone_mode=False, env={"COLUMNS": "200"})
        if done.exception:
            raise done.exception
        return done.return_value or 0, done.output

    return run


@pytest.mark.parametrize("way", ["in-parts", "good", "moved", "of-unknown-length"])
def test_an_address_that_answers_is_enough_and_little_of_the_file_is_read(harness_data, server, way):
    code, text = harness_data("check", "served", second=way)
    assert code == 0
    assert "/gone: HTTPError: HTTP Error 404" in text
    assert f"/{way}: answers" in text
    assert (", 2.1 MB" in text) == (way != "of-unknown-length")


BAD = {
    "gone": "404",
    "loop": "redirect",
    "page": "gives a web page",
    "empty": "gives nothing",
    "silent": "timed out",
    "nonsense": "no HTTP",
}


@pytest.mark.parametrize("way", BAD)
def test_a_set_without_an_answering_address_is_named_and_ends_with_1(harness_data, way):
    code, text = harness_data("check", "served", "sprites", "--timeout", "0.5", second=way)
    assert code == 1
    assert f"/{way}: " in text
    assert BAD[way] in text
    assert "No address gives files of: served\n" in text


def test_addresses_are_asked_side_by_side(harness_data):
    """Either answers only while the other one is asked too."""
    code, text = harness_data("check", "served", first="meeting", second="meeting?again")
    assert text.count("answers") == 2
    assert code == 0


def test_where_files_are_looked_for(harness_data, data, server):
    assert harness_data("path")[1] == f"{data}\n"
    (data / "set/file").write_bytes(b"")
    text = harness_data("path", "served", "sprites")[1]
    assert f"{data}/set/file  is there; from https://example.org\n    {server.url}/gone\n" in text
    assert (
        f"{data}/set/other  is not there, and is put there by hand or by unpacking; from https://example.org/other\n"
        in text
    )
    assert "sprites: needs no published files\n" in text


def test_files_are_compared_with_their_checksums(harness_data, data):
    (data / "set/file").write_bytes(CONTENT)
    (data / "set/other").write_bytes(b"trusted once")
    code, text = harness_data("verify")
    assert (code, "file: right" in text, "other: no checksum is known" in text) == (0, True, True)
    (data / "set/other.sha256").write_text("0" * 64 + "  other\n")
    (data / "set/file").write_bytes(CONTENT[1:])
    code, text = harness_data("verify", "served")
    assert code == 1
    assert text.count("WRONG: sha256 checksum ") == 2


@pytest.fixture
def copies(data):
    """Two decoded copies, the source of one of which is gone; and what killed processes leave."""
    for name in ("good", "stale"):
        source = data / "set" / name
        source.write_bytes(b"x")
        decoded(name, [], [source], lambda arrays: arrays.create("images", (1000,)))
    (data / "set/stale").unlink()
    (data / "cache/broken-0.partial").mkdir()
    (data / "cache/broken-0.partial/images.npy").write_bytes(bytes(5000))
    (data / f"set/.file.{'0' * 32}.part").write_bytes(bytes(700))
    (data / "set/file").write_bytes(CONTENT)
    return data


def test_what_there_is_is_listed_with_what_is_wrong_with_it(harness_data, copies):
    text = harness_data("list")[1]
    rows = {line.split()[-1].partition("-")[0]: line for line in text.splitlines()[1:-1]}
    assert rows["set/file"].split() == ["served", "published", "2.1", "MB", "set/file"]
    assert rows["cache/good"].split()[:4] == ["good", "decoded", "copy", "1.2"]
    assert "set/stale is gone" in rows["cache/stale"]
    assert "half-finished" in rows["cache/broken"]
    assert "half-finished" in rows["set/.file." + "0" * 32 + ".part"]
    assert text.splitlines()[-1].startswith("2.1 MB in ")


def test_cleaning_removes_waste_and_nothing_else(harness_data, copies):
    before = set(copies.rglob("*"))
    assert "would be freed" in harness_data("clean", "--dry-run")[1]
    assert set(copies.rglob("*")) == before
    text = harness_data("clean")[1]
    assert text.count("removed ") == 3
    left = {path.relative_to(copies).as_posix().partition("-")[0] for path in copies.rglob("*") if path.is_file()}
    assert left == {"set/file", "set/good", "cache/good", "cache/.good"}
    assert "0.0 kB freed" in harness_data("clean")[1]
    assert "can be made again" in harness_data("clean", "--all")[1]
    assert not list(copies.glob("cache/*"))


def test_what_a_process_is_at_work_on_is_left(harness_data, copies):
    with locked(copies / "set/.file.lock"), locked(copies / "cache/.broken-0.lock"):
        text = harness_data("clean")[1]
    assert text.count("a process is at work on it") == 2
    assert (copies / "cache/broken-0.partial").exists()


def test_a_copy_says_what_it_was_made_from(copies):
    (entry,) = copies.glob("cache/good-*")
    ((path, size, _),) = json.loads((entry / "sources.json").read_text())
    assert (path, size) == (str(copies / "set/good"), 1)
    assert np.load(entry / "images.npy").shape == (1000,)


def test_a_set_that_there_is_not_is_a_mistake(harness_data):
    with pytest.raises(UserError, match="there is no dataset 'servd'; did you mean 'served'"):
        harness_data("check", "servd")
