import pytest
import torch

from harness import UserError
from harness.storage.records import write_json
from harness.storage.tensors import load_tensors, save_tensors


def test_tensors_and_plain_data_come_back(tmp_path):
    shared = torch.randn(3, 4, 5, 6).to(memory_format=torch.channels_last)
    tensors = {"a": shared, "tied": shared, "bytes": torch.arange(5, dtype=torch.uint8), "scalar": torch.tensor(3)}
    save_tensors(tmp_path / "c.safetensors", tensors, {"step": 7})
    loaded, meta = load_tensors(tmp_path / "c.safetensors")
    assert meta == {"step": 7}
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())


def test_saving_replaces_the_file_and_leaves_nothing_beside_it(tmp_path):
    for step in range(2):
        save_tensors(tmp_path / "c.safetensors", {"a": torch.zeros(1)}, {"step": step})
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]
    assert load_tensors(tmp_path / "c.safetensors")[1] == {"step": 1}


@pytest.mark.parametrize("damage", ["truncated", "rubbish", "empty", "foreign"])
def test_a_damaged_file_is_named(tmp_path, damage):
    path = tmp_path / "c.safetensors"
    save_tensors(path, {"a": torch.zeros(100)}, {})
    content = path.read_bytes()
    match damage:
        case "truncated":
            path.write_bytes(content[:-10])
        case "rubbish":
            path.write_bytes(b"<html>" * 20)
        case "empty":
            path.write_bytes(b"")
        case "foreign":
            import safetensors.torch

            safetensors.torch.save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(UserError, match=r"c\.safetensors"):
        load_tensors(path)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "data.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert '"a": 1' in path.read_text()
    assert [file.name for file in tmp_path.iterdir()] == ["data.json"]
