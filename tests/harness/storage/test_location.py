import subprocess
import sys
from pathlib import Path

import pytest

from harness import UserError
from harness.storage.location import absolute, is_local, location


@pytest.mark.parametrize("place", ["results", "/tmp/results", "file:///tmp/results"])
def test_a_path_is_a_path(place):
    assert location(place) == Path(place.removeprefix("file://"))
    assert is_local(location(place))
    assert Path(absolute(location(place))).is_absolute()


def test_a_url_keeps_its_slashes_and_means_the_same_elsewhere():
    place = location("memory://studies/one") / "suite.json"
    assert not is_local(place)
    assert absolute(place) == "memory://studies/one/suite.json"
    assert location(absolute(place)) == place
    assert location(place) is place


def test_an_unknown_kind_of_url_is_the_users_mistake():
    with pytest.raises(UserError, match="nowhere://x"):
        location("nowhere://x")


def test_without_the_extra_the_message_names_it_and_paths_still_work():
    script = """
import sys
sys.modules["upath"] = sys.modules["fsspec"] = sys.modules["s3fs"] = None
from harness import UserError
from harness.results.folder import ResultsFolder
ResultsFolder("results")
try:
    ResultsFolder("s3://bucket/results")
except UserError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=False)
    assert "s3://bucket/results" in run.stdout, run.stderr
    assert "pip install '.[s3]'" in run.stdout
