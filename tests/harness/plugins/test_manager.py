import sys

import pytest

from harness import UserError
from harness.plugins.manager import BUILT_IN, PluginManager

HEADER = "import harness\n\n"


@pytest.fixture
def plugin_file(tmp_path):
    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(HEADER + text)
        return path

    return write


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs a module as a distribution with an entry point, and returns nothing."""

    def install(distribution, module, text):
        (tmp_path / f"{module}.py").write_text(HEADER + text)
        info = tmp_path / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[harness]\n{module} = {module}\n")
        monkeypatch.syspath_prepend(tmp_path)

    return install


REGISTERS = """
@harness.hookimpl
def harness_register_{kind}(register):
    register("{name}", "{module}:Thing", "a thing")
"""


WATCHES = """
import harness
@harness.hookimpl
def harness_suite_finished(suite, folder):
    pass
"""


def test_every_built_in_plugin_loads():
    manager = PluginManager()
    assert not manager.registry.problems
    assert [plugin.module.__name__ for plugin in manager.plugins][: len(BUILT_IN)] == list(BUILT_IN)


def test_everything_registered_can_be_loaded_and_has_a_documented_schema(manager):
    for entries in PluginManager().registry.entries.values():
        for entry in entries.values():
            loaded = entry.load()
            assert loaded.__doc__
            assert loaded.source
            assert all(field.description for field in loaded.Config.model_fields.values()), entry.name


def test_an_installed_plugin_is_found_with_its_distribution(installed):
    installed("harness-mine", "mine_installed", REGISTERS.format(kind="metrics", name="mine", module="mine_installed"))
    entry = PluginManager().registry.find("metrics", "mine")
    assert str(entry.plugin) == "harness-mine 1.2"


def test_a_blocked_plugin_is_not_loaded(installed):
    installed("harness-mine", "mine_blocked", REGISTERS.format(kind="metrics", name="mine", module="mine_blocked"))
    assert "mine" not in PluginManager(blocked=["harness-mine"]).registry.entries["metrics"]
    assert "beta-vae" not in PluginManager(blocked=["harness_vaes"]).registry.entries["models"]


def test_a_plugin_that_cannot_be_imported_is_named_and_harms_no_other(installed):
    installed("harness-bad", "bad_import", "import no_such_module")
    registry = PluginManager().registry
    assert [str(problem) for problem in registry.problems] == [
        "plugin harness-bad: it cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"
    ]
    assert "beta-vae" in registry.entries["models"]
    with pytest.raises(UserError, match="harness-bad"):
        registry.find("models", "perhaps-of-the-broken-plugin")


def test_a_plugin_that_ends_the_process_when_it_is_imported_is_named(tmp_path):
    (tmp_path / "ending.py").write_text("import sys\nsys.exit(0)\n")
    with pytest.raises(UserError, match=r"ending\.py: it cannot be imported: SystemExit: 0"):
        PluginManager([tmp_path / "ending.py"])


def test_an_unknown_hook_is_an_error_with_the_nearest_name(installed):
    installed("harness-typo", "typo_hook", "@harness.hookimpl\ndef harness_register_model(register): pass\n")
    (problem,) = PluginManager().registry.problems
    assert problem.distribution == "harness-typo"
    assert "unknown hook 'harness_register_model'; did you mean 'harness_register_models'?" in problem.reason


def test_a_hook_with_a_wrong_signature_is_an_error(installed):
    installed("harness-odd", "odd_hook", "@harness.hookimpl\ndef harness_trial_started(tryal): pass\n")
    (problem,) = PluginManager().registry.problems
    assert "its hook harness_trial_started asks for 'tryal', but is given: trial" in problem.reason


def test_two_plugins_claiming_one_name_are_both_named(installed):
    for name in ("one", "two"):
        text = REGISTERS.format(kind="models", name="same", module=f"claims_{name}")
        installed(f"harness-{name}", f"claims_{name}", text)
    registry = PluginManager().registry
    with pytest.raises(UserError, match=r"claimed by harness-one 1\.2 and harness-two 1\.2"):
        registry.find("models", "same")
    assert "beta-vae" in registry.entries["models"]


def test_a_class_that_cannot_be_imported_is_reported_when_it_is_needed(installed):
    installed("harness-late", "late", REGISTERS.format(kind="models", name="late", module="late_missing"))
    registry = PluginManager().registry
    assert not registry.problems
    with pytest.raises(UserError, match=r"model 'late' of harness-late 1\.2 cannot be loaded from late_missing:Thing"):
        registry.find("models", "late").load()


def test_a_file_named_by_the_user_must_load(plugin_file, tmp_path):
    with pytest.raises(UserError, match=r"mine\.py.*ZeroDivisionError"):
        PluginManager([plugin_file("1 / 0")])
    with pytest.raises(UserError, match="No such file"):
        PluginManager([tmp_path / "absent.py"])


def test_a_plugin_that_is_edited_where_it_lies_has_a_new_version_with_every_change(installed, tmp_path):
    text = REGISTERS.format(kind="metrics", name="mine", module="mine_edited")
    installed("harness-mine", "mine_edited", text)
    url = tmp_path / "harness_mine-1.2.dist-info" / "direct_url.json"

    def found():
        return PluginManager().registry.find("metrics", "mine").plugin.version

    url.write_text('{"url": "file:///somewhere", "dir_info": {}}')
    assert found() == "1.2"
    url.write_text('{"url": "file:///somewhere", "dir_info": {"editable": true}}')
    first = found()
    assert first.startswith("1.2+")
    assert found() == first
    (tmp_path / "mine_edited.py").write_text(HEADER + text + "# changed")
    assert found().startswith("1.2+")
    assert found() != first


def test_a_package_that_is_edited_is_all_of_its_files(tmp_path, monkeypatch):
    package = tmp_path / "mine_package"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text(HEADER)
    (package / "inner" / "model.py").write_text("x = 1")
    info = tmp_path / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[harness]\nmine = mine_package\n")
    (info / "direct_url.json").write_text('{"url": "file:///somewhere", "dir_info": {"editable": true}}')
    monkeypatch.syspath_prepend(tmp_path)

    def found():
        return next(plugin.version for plugin in PluginManager().plugins if plugin.distribution == "mine")

    first = found()
    (package / "inner" / "model.py").write_text("x = 2")
    assert found() != first


def test_a_file_is_versioned_with_what_it_imports_from_beside_it(plugin_file, tmp_path, monkeypatch):
    (tmp_path / "losses_of_mine").mkdir()
    (tmp_path / "losses_of_mine" / "error.py").write_text("x = 1")
    (tmp_path / "helper_of_mine.py").write_text("def late():\n    from losses_of_mine.error import x")
    (tmp_path / "unrelated.py").write_text("")
    file = plugin_file(
        f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n{WATCHES}import json, helper_of_mine", "mine.py"
    )
    monkeypatch.setattr(sys, "path", sys.path.copy())

    def found():
        return PluginManager([file]).plugins[-1].version

    versions = [found()]
    assert found() == versions[0], "now that it has been imported, too"
    (tmp_path / "unrelated.py").write_text("x = 2")
    assert found() == versions[0]
    for edited in ("losses_of_mine/error.py", "helper_of_mine.py"):
        (tmp_path / edited).write_text("x = 2")
        versions.append(found())
    assert len(set(versions)) == 3


def test_the_version_of_a_file_is_its_content(plugin_file):
    first = PluginManager([plugin_file(WATCHES + "x = 1", "a.py")]).plugins[-1].version
    assert first == PluginManager([plugin_file(WATCHES + "x = 1", "b.py")]).plugins[-1].version
    assert first != PluginManager([plugin_file(WATCHES + "x = 2", "c.py")]).plugins[-1].version


@pytest.mark.parametrize(
    ("kind", "name", "hint"),
    [("models", "beta-va", "beta-vae"), ("datasets", "sprite", "sprites"), ("metrics", "factorvea", "factorvae")],
)
def test_an_unknown_name_suggests_the_nearest(kind, name, hint):
    with pytest.raises(UserError, match=f"there is no {kind[:-1]} '{name}'; did you mean '{hint}'?"):
        PluginManager().registry.find(kind, name)


def test_plugins_hear_of_a_run_and_can_add_commands(plugin_file):
    import click

    path = plugin_file(
        "heard = []\n"
        "@harness.hookimpl\ndef harness_trial_started(trial): heard.append(trial)\n"
        "@harness.hookimpl\ndef harness_register_commands(group):\n"
        "    @group.command()\n    def hello(): 'Say hello.'\n"
    )
    manager = PluginManager([path])
    manager.hook.harness_trial_started(trial="a trial")
    assert manager.plugins[-1].module.heard == ["a trial"]
    group = click.Group()
    manager.hook.harness_register_commands(group=group)
    assert "hello" in group.commands


def test_a_file_that_registers_nothing_is_refused(plugin_file):
    with pytest.raises(UserError, match="it registers nothing and watches nothing; define a hook, such as harness_reg"):
        PluginManager([plugin_file("def harness_register_model(register): pass")])


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            '"mine.Thing"',
            "it registers 'x' as 'mine.Thing', expected a class or 'module:Class'; did you mean 'mine:Thing'",
        ),
        ('"Thing"', "it registers 'x' as 'Thing', expected a class or 'module:Class'$"),
        ("3", "it registers 'x' as 3, expected a class or 'module:Class'$"),
    ],
)
def test_what_is_registered_is_a_class_or_says_where_one_is(plugin_file, target, message):
    hook = f"@harness.hookimpl\ndef harness_register_models(register): register('x', {target}, 'a thing')\n"
    with pytest.raises(UserError, match=message):
        PluginManager([plugin_file(hook)])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("beta = 4.0", "the setting 'beta' is declared without a type; write `beta: float = Field"),
        ("beta = harness.Field(4.0)", "the setting 'beta' is declared without a type; write `beta: float = Field"),
        ("beta: float = harness.Field(4.0, min=0)", "Config.beta: Field has no 'min'; values are limited by ge, gt,"),
    ],
)
@pytest.mark.filterwarnings("ignore:Using extra keyword arguments")
def test_a_setting_that_is_declared_wrongly_is_told_how(plugin_file, setting, message):
    with pytest.raises(UserError, match=message):
        PluginManager([plugin_file(f"class Config(harness.Settings):\n    {setting}\n")])
