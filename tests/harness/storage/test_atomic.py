import json
from math import inf

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness import UserError
from harness.errors import DamagedFileError, StorageError
from harness.results.parquet import read_table, write_table
from harness.storage.atomic import remove_unfinished, set_aside, write_whole
from harness.storage.checksum import BLANK, is_whole, seal
from harness.storage.location import location
from harness.storage.records import parse_json, read_json, write_json

PLAIN = st.dictionaries(
    st.text().map("a{}".format), st.none() | st.booleans() | st.integers() | st.floats(-9, 9) | st.text()
)


@pytest.fixture(params=["disk", "memory", "s3"])
def folder(request, tmp_path):
    """A folder on a disk and at two kinds of URL."""
    match request.param:
        case "disk":
            return location(str(tmp_path))
        case "memory":
            return location(f"memory:/{tmp_path}")
        case _:
            return location(request.getfixturevalue("s3"))


def test_what_is_written_comes_back_wherever_it_is(folder):
    write_json(folder / "deep" / "a.json", {"number": 0.1, "list": [1, None, "é"]})
    assert read_json(folder / "deep" / "a.json") == {"number": 0.1, "list": [1, None, "é"]}
    table = pd.DataFrame(
        {"step": [1, 2], "seconds": [0.5, inf], "images_per_second": [None, 2.0], "a/loss": [1.0, 2.0]}
    )
    write_table(folder / "t.parquet", "history", table, {"made_from": "here"})
    found = read_table(folder / "t.parquet")
    pd.testing.assert_frame_equal(found, table, check_dtype=False)
    assert found.attrs["made_from"] == "here"


def test_a_file_is_replaced_and_nothing_is_left_beside_it(folder):
    for number in range(3):
        write_json(folder / "a.json", {"number": number})
    assert [file.name for file in folder.iterdir()] == ["a.json"]
    assert read_json(folder / "a.json") == {"number": 2}


def test_a_write_that_fails_leaves_the_old_file(folder):
    write_json(folder / "a.json", {"number": 1})

    def fail(file):
        file.write(b"half")
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        write_whole(folder / "a.json", fail)
    assert read_json(folder / "a.json") == {"number": 1}
    assert [file.name for file in folder.iterdir()] == ["a.json"]


def test_a_missing_file_is_missing_not_damaged(folder):
    write_json(folder / "other.json", {})
    for read in (read_json, read_table):
        with pytest.raises(FileNotFoundError):
            read(folder / "absent")


def test_a_damaged_file_is_set_aside_and_kept(folder):
    (folder / "a.json").write_bytes(b"first")
    assert set_aside(folder / "a.json").name == "a.json.damaged"
    (folder / "a.json").write_bytes(b"second")
    set_aside(folder / "a.json")
    assert [file.name for file in folder.iterdir()] == ["a.json.damaged"]
    assert (folder / "a.json.damaged").read_bytes() == b"second"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    places = {tmp_path / "file": "File exists", location("/proc/nothing"): "No such file or directory"}
    for folder, reason in places.items():
        with pytest.raises(StorageError) as raised:
            write_json(folder / "a.json", {})
        assert str(raised.value) == f"{folder / 'a.json'}: {reason}"


@given(PLAIN, st.integers(0), st.integers(0, 7))
def test_any_flipped_bit_of_a_json_file_is_found(data, place, bit):
    path = location("memory://flipped.json")
    write_json(path, data)
    content = bytearray(path.read_bytes())
    place %= len(content)
    assume(content[place : place + 1] not in b"sha256")  # Without its name there is no seal, as in old files.
    content[place] ^= 1 << bit
    with pytest.raises(UserError, match=r"flipped\.json"):
        parse_json(path, bytes(content))


@given(st.binary())
def test_rubbish_is_damaged(content):
    path = location("memory://rubbish")
    path.write_bytes(content)
    for read in (read_json, read_table):
        with pytest.raises(DamagedFileError, match="rubbish"):
            read(path)


@pytest.mark.parametrize("text", ["[]", "3", "{}", '{"schema_version": "1"}', '{"schema_version": null}', "\xff"])
def test_json_that_is_none_of_ours_is_damaged(text):
    with pytest.raises(DamagedFileError, match=r"a\.json"):
        parse_json(location("a.json"), text.encode("latin-1"))


def test_a_newer_version_is_refused_not_called_damaged():
    with pytest.raises(UserError, match="upgrade") as raised:
        parse_json(location("a.json"), json.dumps({"schema_version": 99, "sha256": "?"}).encode())
    assert not isinstance(raised.value, DamagedFileError)


def test_files_of_before_there_were_seals_are_read():
    assert parse_json(location("a.json"), b'{"schema_version": 1, "a": 2}') == {"a": 2}


@pytest.mark.parametrize("flipped", [200, 400, -400, -9])
def test_a_changed_byte_of_a_table_is_found(tmp_path, flipped):
    path = tmp_path / "t.parquet"
    steps = list(range(3000))
    losses = [(7919 * step % 3001) / 3001 for step in steps]
    write_table(path, "history", pd.DataFrame({"step": steps, "seconds": losses, "images_per_second": losses}))
    content = bytearray(path.read_bytes())
    content[flipped] ^= 16
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"t\.parquet"):
        read_table(path)


def test_a_seal_is_the_hash_of_the_file_with_its_blank():
    from hashlib import sha256

    content = f"before {BLANK} after".encode()
    expected = sha256(content).hexdigest()
    assert seal(content) == f"before {expected} after".encode()
    assert is_whole(bytes(seal(content)), expected)
    assert not is_whole(bytes(seal(content)) + b"x", expected)
    assert not is_whole(content, expected)


def test_what_killed_processes_were_writing_is_removed_and_what_is_being_written_is_not(tmp_path):
    (tmp_path / f".table.parquet.{0:032x}.part").write_bytes(b"half")
    (tmp_path / "notes.part").write_text("mine")

    def write(out):
        out.write(b"whole")
        remove_unfinished(tmp_path)

    write_whole(tmp_path / "result.json", write)
    assert (tmp_path / "result.json").read_bytes() == b"whole"
    assert {file.name for file in tmp_path.iterdir()} == {"result.json", "notes.part"}
    remove_unfinished(tmp_path / "nowhere")
