"""Results folders of strangers: whatever is in them, reading commands end with a message and do nothing else.

Valid records are spoilt by hypothesis in one to three places, with valid checksums. No traceback, no file outside the
folder, no script in the page, and nothing on the terminal that a terminal obeys.
"""

import json
from copy import deepcopy

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strange import TEXTS, check_page, run

from harness.errors import DamagedFileError, UserError
from harness.results.parquet import MOST_ROWS, read_table
from harness.results.status import StudyStatus
from harness.scoring.table_files import read_npz
from harness.selection.record import ComparedTrials, ComparisonRecord, write_comparison
from harness.storage.checksum import BLANK, seal
from harness.storage.records import read_json
from harness.summary.tables import write_tables
from support import TOY, places

DEEP = json.loads("[" * 120 + "]" * 120)
VALUES = st.one_of(
    st.sampled_from([float("inf"), float("nan"), 10**400, -(2**63) - 1, 2**63, 1e308, -1, 0, True, None, [], {}]),
    st.sampled_from(TEXTS),
    st.sampled_from([DEEP, {"x": float("-inf")}, ["\x1b[31m"], {"\x1b[31m": 1}]),
)


@st.composite
def spoils(draw):
    """What to do to nested data: (place, what, value) one to three times."""
    what = st.sampled_from(["replace", "replace", "replace", "remove", "rename"])
    return draw(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), what, VALUES), min_size=1, max_size=3))


def spoilt(data, changes):
    data = deepcopy(data)
    for place, what, value in changes:
        found = list(places(data))
        container, key = found[int(place * len(found))]
        if what == "replace":
            container[key] = deepcopy(value)
        elif what == "remove":
            del container[key]
        elif isinstance(container, dict):
            container[str(value)] = container.pop(key)
    return data


def write(file, data):
    """A record with a valid checksum."""
    plain = {key: value for key, value in data.items() if key not in ("schema_version", "sha256")}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(seal(json.dumps({"schema_version": 1, "sha256": BLANK, **plain}).encode()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, manager, recorded_study):
    """The results of a study with twenty trials, a selector's comparison and all tables."""
    base = tmp_path_factory.mktemp("strange")
    _, results = recorded_study(base, 20, manager.registry)
    content = json.loads(results.suite_file.read_text())
    content["selectors"] = [{"name": "random", "config": {"seed": 0}, "version": "1"}]
    write(results.suite_file, content)
    suite = results.suite
    ids = [trial.id for trial in suite.trials]
    compared = ComparedTrials(ids, np.linspace(0, 1, len(ids)).tolist())
    record = ComparisonRecord("random", dict.fromkeys(ids, ""), {}, [compared])
    write_comparison(results, suite.selectors[0], suite.trials, 0, record)
    write_tables(results, StudyStatus.read(suite, results), manager)
    return results


def read_all(results):
    """Every command that reads a results folder."""
    page = results.path.parent / "page.html"
    page.unlink(missing_ok=True)
    for form in ("table", "csv", "json", "markdown"):
        run("leaderboard", results.path, "--format", form)
    run("select", results.path, "--plugin", TOY)
    run("report", results.path, "--pictures", "none", "--output", page, "--plugin", TOY)
    run("samples", results.path, "--plugin", TOY)
    if page.exists():
        check_page(page)


QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


@pytest.mark.parametrize("count", [6, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("which", ["suite", "result", "comparison"])
def test_any_record_is_read_or_refused_in_a_line(folder, which, count):
    files = {
        "suite": folder.suite_file,
        "result": folder.trial(folder.suite.trials[0].id).result_file,
        "comparison": next((folder.path / "comparisons").glob("*.json")),
    }
    file = files[which]
    good = file.read_bytes()
    outside = sorted(folder.path.parent.iterdir())

    @settings(max_examples=count, suppress_health_check=QUIET, deadline=None)
    @given(spoils())
    def one(changes):
        write(file, spoilt(json.loads(good), changes))
        read_all(folder)

    try:
        one()
    finally:
        file.write_bytes(good)
    assert {path.name for path in folder.path.parent.iterdir()} - {path.name for path in outside} <= {"page.html"}


DEEPER = '{"schema_version": 1, "x": ' + "[" * 150 + "]" * 150 + "}"
LONG = '{"schema_version": 1, "x": ' + "9" * 5000 + "}"


@pytest.mark.parametrize("spoil", ["[" * 100_000, DEEPER, LONG, '{"schema_version": []}'])
def test_json_that_no_parser_holds_is_damaged(tmp_path, spoil):
    (tmp_path / "suite.json").write_text(spoil)
    with pytest.raises(DamagedFileError, match="damaged"):
        read_json(tmp_path / "suite.json")


@pytest.mark.parametrize("number", ["Infinity", "NaN", "1e999", "9" * 400, "9223372036854775808"])
def test_a_number_that_no_table_holds_makes_a_record_damaged(tmp_path, number):
    (tmp_path / "x.json").write_text('{"schema_version": 1, "x": [{"y": ' + number + "}]}")
    with pytest.raises(DamagedFileError, match="damaged"):
        read_json(tmp_path / "x.json")


def test_numbers_and_texts_that_only_look_odd_are_read(tmp_path):
    data = {"a": 0.00012345678901234567, "b": 1e-300, "c": "NaN \\ud800 Infinity 1e999", "d": 2**63 - 1}
    (tmp_path / "x.json").write_text(json.dumps({"schema_version": 1, **data, "half": "\ud800"}))
    assert read_json(tmp_path / "x.json") == {**data, "half": "?"}


def test_a_small_parquet_file_of_a_billion_rows_is_refused(tmp_path):
    rows = MOST_ROWS // 100
    table = pa.table({"step": pa.array(np.zeros(rows, dtype=np.int64))})
    with pq.ParquetWriter(tmp_path / "x.parquet", table.schema, compression="zstd") as writer:
        for _ in range(101):
            writer.write_table(table)
    assert (tmp_path / "x.parquet").stat().st_size < 10**6
    with pytest.raises(DamagedFileError, match="rows are more than any table of results has"):
        read_table(tmp_path / "x.parquet")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda table: table.drop(columns="mean"), "there is no column 'mean'"),
        (lambda table: table.assign(mean="x"), "the column 'mean' holds"),
        (lambda table: table.assign(swept="{"), "Expecting"),
        (lambda table: table.assign(swept="[1]"), "is no JSON object"),
        (lambda table: table.assign(n=pd.array([None] * len(table), dtype="Int64")), "a number is missing"),
    ],
)
def test_a_table_without_its_columns_is_damaged(folder, tmp_path, change, reason):
    table = read_table(folder.table("leaderboard")).astype({"higher_is_better": bool})
    strings = {name: pd.ArrowDtype(pa.string()) for name in table.columns if isinstance(table[name].iloc[0], str)}
    change(table.astype(strings)).to_parquet(tmp_path / "leaderboard.parquet")
    with pytest.raises(DamagedFileError, match=reason):
        read_table(tmp_path / "leaderboard.parquet")


def test_an_archive_that_unfolds_to_more_than_a_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.scoring.table_files.MOST_BYTES", 2**20)
    np.savez_compressed(tmp_path / "codes.npz", codes=np.zeros(2**20))
    np.savez(tmp_path / "stored.npz", codes=np.zeros(2**20))
    assert (tmp_path / "codes.npz").stat().st_size < 2**15
    with pytest.raises(UserError, match=r"its arrays unfold to 0\.00839 GB"):
        read_npz(tmp_path / "codes.npz")
    assert read_npz(tmp_path / "stored.npz")["codes"].shape == (2**20,)


@pytest.mark.parametrize(
    ("name", "write_file", "message"),
    [
        ("c.txt", lambda path: path.write_text("1,2\n"), "expected an npz file of named arrays"),
        ("x.npy", lambda path: np.save(path, np.ones(3)), "this is a single array; expected an npz file"),
        ("o.npz", lambda path: np.savez(path, codes=np.array([{}])), "not an npz file of plain arrays"),
    ],
)
def test_another_file_than_an_archive_of_arrays_is_told(tmp_path, name, write_file, message):
    write_file(tmp_path / name)
    _, error = run("score", tmp_path / name)
    assert message in error
    assert "pickle" not in error
