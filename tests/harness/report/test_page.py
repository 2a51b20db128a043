"""The page is one sound HTML file, and nothing that a plugin or a suite names becomes part of its markup."""

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from harness.report.page import FEW, pictured, render, write_report
from harness.report.page_data import gather
from harness.report.picture_store import Album
from harness.results.result import Outcome, Result
from harness.suite.trial import Choice

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\"&"
VOID = {"meta", "link", "img", "br", "input"}


class Page(HTMLParser):
    """Elements with their attributes and texts; checks that tags close in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag, attrs):
        self.elements.append([tag, dict(attrs), ""])
        if tag not in VOID:
            self._open.append((tag, len(self.elements) - 1))

    def handle_endtag(self, tag):
        assert self._open, tag
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        if self._open:
            self.elements[self._open[-1][1]][2] += data

    def all(self, tag):
        return [(attributes, text) for name, attributes, text in self.elements if name == tag]

    def json(self, name):
        return json.loads(next(text for attributes, text in self.all("script") if attributes.get("id") == name))


def test_the_page_parses_and_holds_the_data(synthetic):
    folder = synthetic()
    pages = gather([folder], [[]])
    page = Page(render(pages, []))
    data = page.json("data")
    assert data["trials"] == json.loads(json.dumps(pages.trials))
    assert [text for _, text in page.all("title")] == ["Made up – harness report"]
    sections = [attributes["id"] for attributes, _ in page.all("section")]
    assert sections == [
        "leaderboard", "comparisons", "metrics", "hyperparameters", "curves", "selectors", "trials", "failures",
        "provenance",
    ]  # fmt: skip


def test_names_cannot_become_markup(synthetic):
    folder = synthetic(models=(EVIL, "plain"), title=EVIL, dataset=Choice(EVIL, {EVIL: EVIL}))
    trial = folder.suite.trials[0]
    folder.trial(trial.id).write_result(Result(trial.id, Outcome.FAILED, reason=EVIL, traceback=EVIL))
    harmless = render(gather([synthetic(name="other", models=("plain", "other"))], [["a"]]), [])
    text = render(gather([folder], [[EVIL]]), [EVIL])
    page, other = Page(text), Page(harmless)
    assert [element[:1] for element in page.elements] == [element[:1] for element in other.elements]
    assert [text for _, text in page.all("h1")] == [EVIL]
    data = page.json("data")
    assert data["settings"][0]["model"] == EVIL
    assert data["trials"][0]["failures"] == [f"failed: {EVIL}"]
    assert page.json("sources") == [EVIL]
    assert "alert(1)</script>" not in text
    assert "<img" not in text


def test_the_page_runs_its_own_script_and_no_other(synthetic):
    page = Page(render(gather([synthetic()], [[]]), []))
    (policy,) = [a["content"] for a, _ in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    (script,) = [text for attributes, text in page.all("script") if "type" not in attributes]
    (style,) = [text for _, text in page.all("style")]
    for kind, text in (("script", script), ("style", style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'; img-src data: file: 'self';")
    assert "innerHTML" not in script


def test_the_page_asks_no_network(synthetic):
    text = render(gather([synthetic()], [[]]), [])
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"'<]*", text))
    assert addresses == {"http://www.w3.org/2000/svg"}
    page = Page(text)
    loaded = [
        a.get("src") or a.get("href") for tag, a, _ in page.elements if tag in {"script", "link", "img", "iframe"}
    ]
    assert {address for address in loaded if address} == {"data:,"}


def test_every_interactive_element_and_region_has_a_name(synthetic):
    page = Page(render(gather([synthetic()], [[]]), []))
    assert page.all("html")[0][0]["lang"] == "en"
    assert any("width=device-width" in a.get("content", "") for a, _ in page.all("meta"))
    for tag in ("nav", "form"):
        assert all(attributes.get("aria-label") for attributes, _ in page.all(tag))


def test_pictures_are_in_the_page_while_they_are_small(tmp_path):
    album = Album()
    picture = np.zeros((4, 6, 3), dtype=np.uint8)
    assert [album.add(picture), album.add(picture)] == [0, 1]
    sources = album.sources(tmp_path / "a.html")
    for source in sources:
        head, _, body = source.partition(",")
        assert head == "data:image/webp;base64"
        with Image.open(io.BytesIO(base64.b64decode(body))) as image:
            assert (image.format, image.size) == ("WEBP", (6, 4))
    assert list(tmp_path.iterdir()) == []


def test_many_pictures_go_into_a_folder_beside_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.report.picture_store.MOST_BYTES", 10)
    album = Album()
    for value in (0, 200):
        album.add(np.full((4, 6, 3), value, dtype=np.uint8))
    sources = album.sources(tmp_path / "a.html")
    assert sources == ["a-pictures/00000.webp", "a-pictures/00001.webp"]
    for source, value in zip(sources, (0, 200), strict=True):
        with Image.open(tmp_path / source) as image:
            assert image.convert("RGB").getpixel((2, 2)) == pytest.approx((value,) * 3, abs=4)


def test_few_pictures_are_those_of_the_best_trial_of_each_setting(synthetic):
    pages = gather([synthetic(settings=3, seeds=4)], [[]])
    for number, trial in enumerate(pages.trials):
        # The second seed of every setting is best by every metric; the fourth one is less good than the others.
        goodness = {0: 0.5, 1: 0.9, 2: 0.5, 3: 0.1}[number % 4]
        trial["scores"] = [goodness, goodness, None, -goodness]
    assert pictured(pages, "few") == [1, 5, 9]
    pages.trials[5]["outcome"] = "failed"
    assert pictured(pages, "few") == [1, 4, 9]
    assert pictured(pages, "none") == []
    assert pictured(pages, "all") == pictured(pages, "auto") == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]


def test_few_are_never_more_than_sixty(synthetic):
    pages = gather([synthetic(settings=FEW + 5, seeds=1, steps=1)], [[]])
    for number, trial in enumerate(pages.trials):
        trial["scores"] = [number, None, None, None]
    assert pictured(pages, "auto") == list(range(5, FEW + 5))


@pytest.fixture(scope="module")
def trained(tmp_path_factory, manager):
    """A results folder with trained toy models, one of which fails."""
    from harness.execution.plan import RunOptions
    from harness.execution.study import run
    from harness.results.folder import ResultsFolder

    folder = tmp_path_factory.mktemp("trained")
    (folder / "toys.toml").write_text(
        """
        [dataset]
        name = "bars"
        [training]
        steps = 10
        batch_size = 8
        [[models]]
        name = "linear"
        [[models]]
        name = "raising"
        [evaluation]
        metrics = ["spread"]
        """
    )
    run(folder / "toys.toml", folder / "out", options=RunOptions(device="cpu"), plugins=manager)
    return ResultsFolder(folder / "out")


def test_a_trained_trial_gets_its_pictures_and_a_failed_one_none(trained, registry, tmp_path):
    told = []
    report = lambda done, total: told.append((done, total))  # noqa: E731
    written = write_report([trained], tmp_path / "a.html", registry, report=report)
    text = (tmp_path / "a.html").read_text("utf-8")
    assert (written.size, written.chosen, written.drawn) == (len(text.encode()), 1, 1)
    assert told == [(0, 1), (1, 1)]
    page = Page(text)
    details, sources = page.json("data")["details"], page.json("sources")
    pictures = details[0]["pictures"]
    assert pictures["notes"] == {}
    assert pictures["codes"]["names"] == [code["name"] for code in pictures["traversal"]["codes"]]
    assert len(pictures["codes"]["names"]) == 3
    sizes = {}
    for kind in ("samples", "reconstructions", "traversal"):
        with Image.open(io.BytesIO(base64.b64decode(sources[pictures[kind]["picture"]].partition(",")[2]))) as image:
            sizes[kind] = image.size
    walk = pictures["traversal"]
    steps = sum(len(code["values"]) for code in walk["codes"])
    assert sizes["traversal"] == (8 * walk["columns"], 8 * steps)
    assert sizes["samples"] == (80, 32)
    assert sizes["reconstructions"] == (80, 16)
    assert "pictures" not in details[1]
    assert page.json("data")["studies"][0]["factors"] == ["row", "column"]


def test_without_the_plugin_the_page_is_made_and_says_why_there_are_no_pictures(trained, tmp_path):
    from harness.plugins.manager import PluginManager

    write_report([trained], tmp_path / "a.html", PluginManager(blocked=["harness_linear"]).registry)
    page = Page((tmp_path / "a.html").read_text("utf-8"))
    assert "'bars' are of the plugin toy.py" in page.json("data")["details"][0]["pictures"]["notes"]["all"]
    assert page.json("sources") == []


def test_a_trial_without_pictures_is_counted_once_for_each_reason(synthetic, registry, tmp_path, monkeypatch):
    notes = {"samples": "no network", "traversal": "no network", "reconstructions": "no data"}
    # Made-up trials have no models to draw; what counts is that two kinds of pictures lack for one reason.
    monkeypatch.setattr("harness.report.page.StudyPictures.draw", lambda self, trial: {"notes": notes})
    written = write_report([synthetic()], tmp_path / "a.html", registry, which="all")
    assert written.chosen > 0
    assert written.without == {"no network": written.chosen, "no data": written.chosen}


def test_absent_data_costs_only_the_reconstructions(trained, registry, tmp_path, monkeypatch):
    from harness.errors import UserError

    def load(self, device="cpu"):
        raise UserError("bars.npz is not there")

    monkeypatch.setattr(registry.find("datasets", "bars").load(), "load", load)
    write_report([trained], tmp_path / "a.html", registry)
    pictures = Page((tmp_path / "a.html").read_text("utf-8")).json("data")["details"][0]["pictures"]
    assert {"samples", "traversal"} <= set(pictures)
    assert pictures["notes"] == {"reconstructions": "the dataset's files are not here: bars.npz is not there"}


def test_half_characters_reach_the_page_as_text(synthetic, registry, tmp_path):
    folder = synthetic(title="half \ud800")
    write_report([folder], tmp_path / "a.html", registry, which="none")
    page = Page((tmp_path / "a.html").read_text("utf-8"))
    assert [text for _, text in page.all("h1")] == ["half ?"]


@pytest.fixture(scope="module")
def private(tmp_path_factory, manager):
    """A results folder whose suite takes its images from a folder anywhere on the machine."""
    from harness.execution.plan import RunOptions
    from harness.execution.study import run
    from harness.results.folder import ResultsFolder

    folder = tmp_path_factory.mktemp("private")
    (folder / "photos").mkdir()
    for number in range(12):
        Image.fromarray(np.full((8, 8), 20 * number, dtype=np.uint8)).save(folder / "photos" / f"{number}.png")
    (folder / "own.toml").write_text(
        f"""
        [dataset]
        name = "folder"
        path = "{folder / "photos"}"
        image_size = 8
        channels = 1
        [training]
        steps = 1
        batch_size = 4
        [[models]]
        name = "linear"
        """
    )
    run(folder / "own.toml", folder / "out", options=RunOptions(device="cpu"), plugins=manager)
    return ResultsFolder(folder / "out")


def test_images_from_outside_the_data_root_are_shown_only_when_asked_for(private, registry, tmp_path):
    def pictures(**options):
        write_report([private], tmp_path / "a.html", registry, **options)
        return Page((tmp_path / "a.html").read_text("utf-8")).json("data")["details"][0]["pictures"]

    kept = pictures()
    assert "samples" in kept
    assert "reconstructions" not in kept
    assert "photos, outside the data root" in kept["notes"]["reconstructions"]
    assert "--any-path" in kept["notes"]["reconstructions"]
    assert pictures(any_path=True)["reconstructions"]["rows"] == 2
