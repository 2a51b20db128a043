"""Tables, histories, models, logs and pictures of strangers: reading commands end with a message and do nothing else.

As in `test_strange_results`, of which these are the files that are no JSON records.
"""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from strange import TEXTS, check_page, run

from harness.execution.protocol import TrialJob
from harness.execution.worker.trials import run_trials
from harness.results.folder import ResultsFolder
from harness.results.status import StudyStatus
from harness.storage.checksum import BLANK, seal
from harness.suite.suite import load_suite
from harness.summary.tables import write_tables
from support import TOY, StopAfter

SUITE = """
seeds = 2
dataset.name = "bars"
training = {steps = 4, batch_size = 16}
evaluation = {metrics = ["spread", "error"], selectors = ["random"]}
[[models]]
name = "linear"
sweep.size = [2, 3]
"""

CELLS = {
    pa.string(): [*(text for text in TEXTS if text != "\ud800"), "{}", '{"a": "\x1b[2J"}', '{"a": 1e999}', "[" * 5000,
                  '{"x": ' + "[" * 5000 + "]" * 5000 + "}", "NaN", None],
    pa.float64(): [float("inf"), float("-inf"), float("nan"), 1e308, -1e308, 5e-324, -1.0, None],
    pa.int64(): [2**63 - 1, -(2**63), -1, 0, None],
    pa.bool_(): [True, False, None],
}  # fmt: skip
"""What a stranger may write into a column of each type."""


@pytest.fixture(scope="module")
def study(tmp_path_factory, manager):
    """The results of a study of four trials that were trained in this process, with all tables."""
    base = tmp_path_factory.mktemp("files")
    (base / "study.toml").write_text(SUITE)
    suite = load_suite(base / "study.toml", manager.registry)
    folder = ResultsFolder(base / "out")
    folder.create()
    folder.write_suite(suite)
    for trial in suite.trials:
        job = TrialJob([trial], str(folder.path), suite.metrics, 0, plugins=[str(TOY)])
        run_trials(job, lambda *_: None, StopAfter(10_000))
    write_tables(folder, StudyStatus.read(suite, folder), manager)
    return folder


@pytest.fixture(scope="module")
def published(study, tmp_path_factory):
    """Its tables alone, as they are published."""
    folder = ResultsFolder(tmp_path_factory.mktemp("published") / "out")
    folder.path.mkdir()
    for file in study.path.glob("*.parquet"):
        (folder.path / file.name).write_bytes(file.read_bytes())
    return folder


@st.composite
def changes(draw):
    """What to do to a table: the place of a column, and what becomes of it."""
    place = st.floats(0, 1, exclude_max=True)
    how = st.sampled_from(["cell", "cell", "cell", "column", "type", "drop", "bytes", "name", "nested"])
    return draw(st.lists(st.tuples(place, how, st.integers(0, 1000)), min_size=1, max_size=3))


def spoilt(table, todo):
    """A table with some of its columns changed; the facts beside it, such as what it was made from, stay."""
    for place, how, number in todo:
        if not table.num_columns:
            break
        column = int(place * table.num_columns)
        name, found = table.schema.names[column], table.column(column)
        cells = CELLS.get(found.type, [None])
        chosen = cells[number % len(cells)]
        match how:
            case "cell" | "column":
                rows = range(table.num_rows) if how == "column" else [number % max(1, table.num_rows)]
                parts = [found.slice(row, 1).combine_chunks() for row in range(table.num_rows)]
                for row in rows if parts else ():
                    parts[row] = pa.array([chosen], found.type)
                new = pa.chunked_array(parts, found.type)
            case "type":
                kinds = [pa.string(), pa.float64(), pa.int64(), pa.bool_(), pa.list_(pa.int64()), pa.date32()]
                new = pa.nulls(table.num_rows, kinds[number % len(kinds)])
            case "bytes":
                new = pa.array([b"\xff\xfe\x1b[2J"] * table.num_rows, pa.binary()).view(pa.string())
            case "nested":
                new = pa.array([[{"x": "\x1b[2J"}]] * table.num_rows)
            case "name":
                new, name = found, TEXTS[number % len(TEXTS)].replace("\ud800", "")
            case "drop":
                table = table.remove_column(column)
                continue
        table = table.set_column(column, name, new)
    return table


def written(file, table):
    facts = {key: value for key, value in (table.schema.metadata or {}).items() if key != b"sha256"}
    pq.write_table(table.replace_schema_metadata(facts), file)


READERS = {
    "leaderboard": [["leaderboard", "--format", form] for form in ("table", "csv", "json", "markdown", "latex")],
    "selections": [["select", "--format", form] for form in ("table", "csv", "json", "markdown", "latex")],
    "scores": [["compare"], ["compare", "--ranks"], ["compare", "--iqm", "spread"]],
}
"""What reads each published table."""

QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


@pytest.mark.parametrize("count", [6, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", READERS)
def test_any_published_table_is_printed_or_refused_in_a_line(published, name, count):
    file = published.table(name)
    good, outside = file.read_bytes(), sorted(published.path.parent.iterdir())
    table = pq.read_table(file)

    @settings(max_examples=count, suppress_health_check=QUIET, deadline=None)
    @given(changes())
    def one(todo):
        written(file, spoilt(table, todo))
        for command, *options in READERS[name]:
            run(command, published.path, *options)

    try:
        one()
    finally:
        file.write_bytes(good)
    assert sorted(published.path.parent.iterdir()) == outside


@pytest.mark.parametrize("count", [4, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["leaderboard", "selections", "history"])
def test_any_table_beside_its_trials_is_read_or_passed_over(study, name, count):
    file = study.trial(study.suite.trials[0].id).history if name == "history" else study.table(name)
    good = file.read_bytes()
    table = pq.read_table(file)
    page = study.path.parent / "page.html"

    @settings(max_examples=count, suppress_health_check=QUIET, deadline=None)
    @given(changes())
    def one(todo):
        written(file, spoilt(table, todo))
        run("leaderboard", study.path)
        run("report", study.path, "--pictures", "none", "--output", page, "--plugin", TOY)
        check_page(page)

    try:
        one()
    finally:
        file.write_bytes(good)


TENSORS = {
    "another model's": {"other": torch.zeros(3)},
    "of other shapes": {"encoder.weight": torch.zeros(1, 1)},
    "none": {},
    "not numbers": None,
}


@pytest.mark.parametrize("kind", TENSORS)
def test_a_model_file_of_anything_else_is_refused_in_a_line_and_costs_the_page_nothing(study, kind):
    trial = study.trial(study.suite.trials[0].id)
    good = trial.model.read_bytes()
    tensors = TENSORS[kind]
    if tensors is None:
        from harness.training.trial_state import load_model

        tensors = {name: torch.full_like(tensor, torch.nan) for name, tensor in load_model(trial)[0].items()}
    page, picture = study.path.parent / "page.html", study.path.parent / "x.png"
    try:
        for meta in ("{}", "[" * 100_000, '{"seconds": "\x1b[2J", "provenance": 3}'):
            header = {"format": "2", "sha256": BLANK, "meta": meta}
            trial.model.write_bytes(seal(save(tensors, header)))
            run("samples", study.path / trial.path.name, "--plugin", TOY, "--output", picture)
            run("report", study.path, "--pictures", "all", "--output", page, "--plugin", TOY)
            check_page(page)
    finally:
        trial.model.write_bytes(good)


def test_logs_and_records_of_earlier_trials_may_hold_anything(study):
    """No command shows a log, and what is no trial is passed over."""
    trial = study.trial(study.suite.trials[0].id)
    trial.log.write_bytes(b"\x1b[2J<script>alert(1)</script>\xff" * 100)
    earlier = study.trial("0" * 12)
    earlier.path.mkdir()
    for content in (b"", b"\xff", b"[" * 100_000, json.dumps({"schema_version": 1, "id": "\x1b[2J"}).encode()):
        earlier.trial_file.write_bytes(content)
        out, _ = run("leaderboard", study.path, "--all")
        assert "linear size=2" in out
        run("samples", study.path / "0000", "--plugin", TOY)
    page = study.path.parent / "page.html"
    run("report", study.path, "--pictures", "none", "--output", page, "--plugin", TOY)
    check_page(page)
