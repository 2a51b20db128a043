"""What is printed: text of anyone's is shown and not obeyed, in whatever encoding there is."""

import ast
import io
import os
import sys
from contextlib import suppress

import pytest
from rich.text import Text

from harness.cli import main
from harness.cli.console import console
from harness.cli.terminal import echo, replace_unwritable
from harness.errors import printable
from support import ROOT

PUBLISHED = ROOT / "results" / "published" / "disentanglement"

TITLE_CHANGE, CLEAR, BACKWARDS, C1 = "\x1b]0;x\x07", "\x1b[2J", "\u202eabc\u2066", "\x9b31m"
OBEYED = [TITLE_CHANGE, CLEAR, BACKWARDS, C1, "a\rb", "\x00", "\x7f", "\u2028", "\ud800"]


@pytest.mark.parametrize("text", OBEYED)
def test_what_a_terminal_obeys_is_spelt_out(text, capsys):
    echo(f"label {text}")
    echo(f"reason {text}", err=True)
    console().print(Text(f"title {text}"), text)
    out, err = capsys.readouterr()
    for shown in (out, err):
        assert not {sign for sign in shown if not sign.isprintable()} - {"\n"}
    assert f"label {printable(text)}" in out


def test_what_people_write_stays_as_it_is():
    text = "β-VAE é 表 שלום a\u200db\ttab\nline [fid] :smile: \\[/b]"
    assert printable(text) == text


def test_strings_are_text_and_not_markup(capsys):
    console().print(r"install .[fid], x\[/b]y :smile: [link=https://example.org]z")
    assert capsys.readouterr().out == r"install .[fid], x\[/b]y :smile: [link=https://example.org]z" + "\n"


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("ascii", "beta-VAE e +/- ? ok\n"), ("latin-1", "beta-VAE é ± ? ok\n"), ("utf-8", "β-VAE é ± 表 ok\n")],
)
def test_what_an_encoding_lacks_is_replaced_by_the_nearest_there_is(encoding, expected, monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding, newline="\n"))
    replace_unwritable()
    echo("β-VAE é ± 表 ok")
    assert written.getvalue().decode(encoding) == expected


def test_a_command_prints_where_only_ascii_can_be_written(run_process):
    run = run_process("show", "beta-vae", env={"PYTHONIOENCODING": "ascii"})
    assert run.returncode == 0, run.stderr
    assert "beta-VAE" in run.stdout


def test_a_standard_output_that_was_closed_before_the_command_began_costs_nothing(monkeypatch, published):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "argv", ["harness", "leaderboard", str(published)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    sys.stdout.close()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="it takes a device that is always full")
def test_a_standard_output_that_is_full_ends_a_reading_command_in_a_line(monkeypatch, capsys, published):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        monkeypatch.setattr(sys, "argv", ["harness", "leaderboard", str(published)])
        with pytest.raises(SystemExit) as end:
            main()
        with suppress(OSError):
            full.close()
    assert end.value.code == 1
    assert capsys.readouterr().err == "harness: the standard output: No space left on device\n"


@pytest.mark.parametrize("command", [["list"], ["show", "beta-vae"], ["leaderboard", PUBLISHED], ["select", PUBLISHED]])
def test_a_reader_that_has_seen_enough_ends_a_reading_command_without_a_word(command, monkeypatch, capsys):
    """As `harness list | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody:
        monkeypatch.setattr(sys, "stdout", nobody)
        monkeypatch.setattr(sys, "argv", ["harness", *map(str, command)])
        with pytest.raises(SystemExit) as end:
            main()
    assert end.value.code == 0
    assert capsys.readouterr().err == ""


@pytest.fixture
def published():
    return PUBLISHED


def test_commands_print_by_no_other_way():
    for file in sorted({*(ROOT / "harness" / "cli").rglob("*.py")} - {ROOT / "harness" / "cli" / "reference.py"}):
        calls = (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call))
        called = {ast.unparse(node.func) for node in calls}
        allowed = {"print"} if file.name == "terminal.py" else set()
        assert not called & {"print", "click.echo", "click.secho"} - allowed, file
