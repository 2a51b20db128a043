"""Pictures that lie beside the suite, and not where they are looked for, are told of."""

from harness.plugins.manager import PluginManager
from harness.suite.data_elsewhere import data_elsewhere_notes
from harness.suite.suite import make_suite


def notes(folder, path):
    content = {"dataset": {"name": "folder", "path": path}, "models": [{"name": "vae"}]}
    return data_elsewhere_notes(make_suite(content, PluginManager().registry), folder)


def test_what_lies_beside_the_suite_and_not_below_the_data_root_is_told(tmp_path, monkeypatch):
    root, folder = tmp_path / "data", tmp_path / "suites"
    monkeypatch.setenv("HARNESS_DATA", str(root))
    (folder / "mine").mkdir(parents=True)
    (found,) = notes(folder, "mine")
    assert found == (
        f"dataset.path: 'mine' is looked for in {root}, and there is {folder}/mine: write that path, or --data {folder}"
    )
    assert not notes(folder, "others")
    assert not notes(folder, str(folder / "mine"))
    (root / "mine").mkdir(parents=True)
    assert not notes(folder, "mine")
