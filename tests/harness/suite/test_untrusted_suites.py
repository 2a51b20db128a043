"""What no suite should hold, in a file of a stranger or by a slip, ends in one message that names the place."""

import os

import pytest

from harness import UserError
from harness.plugins.manager import PluginManager
from harness.suite.suite import load_suite
from support import TOY

DEEP = 100_000

SUITE = """
[dataset]
name = "bars"
[training]
steps = 10
batch_size = 8
[[models]]
name = "linear"
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "[dataset]",
            "seeds = [9223372036854775808]\n[dataset]",
            r"seeds\[0\]: got 9223372036854775808, expected a whole",
        ),
        ("steps = 10", "steps = 9223372036854775808", r"training\.steps: got 9223372036854775808, expected a whole"),
        ("steps = 10", "steps = 1" + "0" * 4000, r"training\.steps: got a number of more than 30 digits"),
        ("steps = 10", "steps = 1" + "0" * 5000, "not a TOML file: .*digits"),
        (
            'name = "linear"',
            'name = "linear"\nconfig.noise = inf',
            r"config\.noise: got inf, expected a finite",
        ),
        ('name = "linear"', 'name = "linear"\nsweep.noise = [0.1, nan]', r"models\[0\]\.sweep\.noise\[1\]: got nan"),
        ("[dataset]", f"deep = {'[' * 5000}{']' * 5000}\n[dataset]", "nested too deeply"),
        *(
            pytest.param("[dataset]", f"{deep}\n[dataset]", "nested too deeply", id=name)
            for name, deep in {
                "100,000 lists": f"deep = {'[' * DEEP}{']' * DEEP}",
                "100,000 tables": f"[{'.'.join(['a'] * DEEP)}]",
                "100,000 lists of tables": f"[[{'.'.join(['a'] * DEEP)}]]",
                "100,000 tables in a key": f"{'.'.join(['a'] * DEEP)} = 1",
                "100,000 tables in a quoted key": f"""{".".join(["'a'"] * DEEP)} = 1""",
                "100 tables": f"{'.'.join(['a'] * 100)} = 1",
            }.items()
        ),
        ('name = "linear"', 'name = "linear"\nlabel = "a\\u0000b"', r"models\[0\]\.label: .*without the character"),
        ("steps = 10", f"steps = '{'x' * 100_000}'", r"training\.steps: got 'xxx.*\.\.\., expected a valid integer"),
    ],
)
def test_numbers_that_no_table_can_hold_and_deep_tables_are_refused(suite_file, registry, old, new, message):
    with pytest.raises(UserError, match=message) as caught:
        load_suite(suite_file(SUITE.replace(old, new, 1)), registry)
    assert len(str(caught.value)) < 1000


def test_suites_extend_each_other_to_a_depth(suite_file, registry, tmp_path):
    for number in range(1000):
        (tmp_path / f"{number}.toml").write_text(f'extends = "{number + 1}.toml"')
    (tmp_path / "1000.toml").write_text(SUITE)
    with pytest.raises(UserError, match="more than 50 suites extend each other"):
        load_suite(tmp_path / "0.toml", registry)
    assert len(load_suite(tmp_path / "960.toml", registry).trials) == 1


@pytest.mark.parametrize("override", ["training.steps=9223372036854775808", f"training.steps={'9' * 5000}"])
def test_an_override_with_such_a_number_is_refused(suite_file, registry, override):
    with pytest.raises(UserError, match=r"training\.steps|digits"):
        load_suite(suite_file(SUITE), registry, [override])


def test_a_suite_may_begin_with_a_byte_order_mark(suite_file, registry):
    path = suite_file("")
    path.write_text(SUITE, encoding="utf-8-sig")
    assert len(load_suite(path, registry).trials) == 1


def test_a_setting_whose_default_no_table_can_hold_is_refused_as_one_that_is_given(suite_file, tmp_path):
    plugin = tmp_path / "unlimited.py"
    plugin.write_text(
        "import harness\nfrom harness import Field\nfrom toy import Linear\n"
        "class Unlimited(Linear):\n    class Config(Linear.Config):\n"
        '        limit: float = Field(float("inf"), description="of the loss")\n'
        "@harness.hookimpl\ndef harness_register_models(register):\n    register('linear', Unlimited, 'has no limit')\n"
        "from toy import harness_register_datasets\n"
    )
    with pytest.raises(UserError, match=r"models\[0\]\.config\.limit: got inf, expected a finite number"):
        load_suite(suite_file(SUITE), PluginManager([plugin]).registry)


def test_a_device_or_a_pipe_is_not_read(suite_file, registry, tmp_path):
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    for path in ("/dev/zero", str(pipe), str(tmp_path)):
        with pytest.raises(UserError, match="not a file"):
            load_suite(suite_file(f'extends = "{path}"\n{SUITE}'), registry)
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    with pytest.raises(UserError, match=r"loop\.toml: Too many levels of symbolic links"):
        load_suite(suite_file(f'extends = "loop.toml"\n{SUITE}'), registry)
    with pytest.raises(UserError, match=r"extends: .*without the character U\+0000"):
        load_suite(suite_file(f'extends = "a\\u0000b.toml"\n{SUITE}'), registry)
    with pytest.raises(UserError, match=r"loop\.toml: Too many levels of symbolic links"):
        PluginManager([tmp_path / "loop.toml"])


@pytest.mark.parametrize("name", ["...toml", "..toml"])
def test_a_suite_has_a_name_for_its_folder(suite_file, registry, name):
    with pytest.raises(UserError, match=r"a suite's file has a name before \.toml"):
        load_suite(suite_file(SUITE, name), registry)


def test_two_models_with_one_label_and_other_settings_are_refused(suite_file, registry):
    twice = SUITE + '[[models]]\nname = "linear"\nconfig.size = 5\n'
    with pytest.raises(UserError, match=r"two \[\[models\]\] are called 'linear' and have other .* `label`"):
        load_suite(suite_file(twice), registry)
    assert len(load_suite(suite_file(twice + 'label = "larger"\n'), registry).trials) == 2


@pytest.mark.parametrize(
    ("one", "other"), [("a", "a "), ("a b", "a  b"), ("a b", "a\u00a0b"), ("a", "a\u200b"), ("\u00e9", "e\u0301")]
)
def test_labels_that_read_alike_are_one(suite_file, registry, one, other):
    models = f'label = "{one}"\n[[models]]\nname = "linear"\nlabel = "{other}"\nconfig.size = 5\n'
    with pytest.raises(UserError, match=r"which reads alike, and have other settings; give one of them a `label`"):
        load_suite(suite_file(SUITE + models), registry)


def test_two_tables_of_one_label_may_sweep_other_values_or_have_other_seeds(suite_file, registry):
    swept = SUITE + 'sweep.size = [2]\n[[models]]\nname = "linear"\nsweep.size = [3]\n'
    assert len(load_suite(suite_file(swept), registry).trials) == 2
    seeds = SUITE + '[[models]]\nname = "linear"\nseeds = [7]\n'
    assert len(load_suite(suite_file(seeds), registry).trials) == 2


def test_a_plugin_named_twice_is_one():
    manager = PluginManager([TOY, TOY.parent / "." / TOY.name], blocked=["harness_linear"])
    assert manager.files == (TOY.parent / "." / TOY.name,)
    assert manager.registry.find("models", "linear").name == "linear"
    assert not manager.registry.conflicts
