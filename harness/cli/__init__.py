"""The command line. Each command is a file of this package and a thin wrapper over a documented function."""

import gc
import logging
import os
import sys
import traceback
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from harness.cli.terminal import allowing_unread, echo, open_closed_streams, replace_unwritable
from harness.errors import ExitError, StorageError, UnknownNameError, UserError, nearest, without_exits
from harness.threads import lacks_threads

COMMANDS = {
    "run": "Train, score and select: do all that is left of a suite.",
    "list": "List the models, datasets, metrics, selectors and samplers there are.",
    "show": "Describe a model, dataset, metric, selector or sampler and its settings.",
    "schema": "Print the JSON Schema of suites, for editors.",
    "data": "Look after the files of datasets: list, path, verify, clean, check.",
    "leaderboard": "Print the leaderboard of a results folder.",
    "compare": "Compare settings, or two results folders, by differences paired by seed.",
    "results": "Look after a results folder: list, size, prune, relabel.",
    "merge": "Merge results folders into one.",
    "select": "Judge selectors on a results folder, or apply them to a file.",
    "score": "Score a table of codes made elsewhere.",
    "bench": "Measure how fast models are trained on this machine.",
    "report": "Write a results folder as one HTML page.",
    "publish": "Write a results folder as a static site, and upload it.",
    "export": "Write trained models as plain files, for others' selectors.",
    "figures": "Draw figures of a results folder for a paper.",
    "reproduce": "Train a trial again and compare its scores.",
    "samples": "Draw samples of a trained model.",
    "traverse": "Draw each code of a trained model from low to high.",
    "interpolate": "Walk between random latents of a trained model.",
    "completion": "Print the completion script of a shell.",
    "new": "Make a plugin package with a working model, dataset, metric, selector or sampler.",
    "check": "Check that a plugin keeps its contract, and say what to change.",
}
"""The built-in commands; each is `command` in the module of its name, imported when it is called."""


TRACEBACK = "HARNESS_TRACEBACK"
"""An environment variable: whether errors are shown with where they were met, for authors of plugins."""


class LazyGroup(click.Group):
    """A group that imports a command when it is called, and asks plugins for more."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the arguments, which prints the help that they ask for."""
        with allowing_unread():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command."""
        with allowing_unread():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Built-in commands in reading order, then those of plugins."""
        self._ask_plugins()
        return [*COMMANDS, *sorted(set(self.commands) - set(COMMANDS))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; only an unknown name makes plugins load."""
        if cmd_name in COMMANDS:
            command: click.Command = import_module(f"harness.cli.commands.{cmd_name}").command
            return command
        self._ask_plugins()
        return self.commands.get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is called; of an unknown one the nearest is named."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"No such command '{args[0]}'; {nearest(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write summaries without importing the built-in commands."""
        rows = [
            (name, COMMANDS.get(name) or self.commands[name].get_short_help_str(limit=100))
            for name in self.list_commands(ctx)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer commands with their summaries, without importing them."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        found = [CompletionItem(name, help=COMMANDS.get(name)) for name in names]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def _ask_plugins(self) -> None:
        from harness.plugins.manager import PluginManager

        if not self.commands:
            PluginManager().hook.harness_register_commands(group=self)


class _StandardError(logging.Handler):
    """Writes what the library logs as lines to the standard error; of equal lines in a row the first."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record as a line of the standard error."""
        line = f"harness: {record.getMessage()}"
        if line != self.last:
            self.last = line
            echo(line, err=True)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="disentanglement-harness", prog_name="harness")
def cli() -> None:
    """Benchmark disentangling generative models: train, score, select and compare.

    Start with:  harness run suites/disentanglement.toml
    """
    logger = logging.getLogger("harness")
    if not logger.handlers:
        logger.addHandler(_StandardError())


def _is_of_a_plugins_command(error: BaseException) -> bool:
    """Whether a command of a plugin's has ended the process, which is its own affair."""
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    return not any(module.startswith(f"{__name__}.commands.") for module in modules)


def _elsewhere(error: click.NoSuchOption) -> str:
    """Where an option that the command at hand has not can be given: to others, or in a suite."""
    commands = {name: import_module(f"harness.cli.commands.{name}").command for name in COMMANDS}
    having = [
        f"`harness {name}`"
        for name, command in commands.items()
        if any(error.option_name in parameter.opts for parameter in command.params)
    ]
    told = f" It is an option of {', '.join(having)}." if having else ""
    called = error.ctx.command if error.ctx else None
    return told + (_in_a_suite(error.option_name) if called is commands["run"] else "")


def _in_a_suite(option: str) -> str:
    """How a suite says what an option seems to mean: by a key of its own, or by a setting of its metrics."""
    from harness.plugins.manager import PluginManager
    from harness.suite.misplaced import places_of

    key = option.lstrip("-").replace("-", "_")
    if places := places_of(key):
        return f" A suite has {' and '.join(places)}: --set {places[0]}=VALUE."
    metrics = PluginManager().registry.having("metrics", key)
    return f' In a suite it is a setting of a metric: {{ name = "{metrics[0]}", {key} = ... }}.' if metrics else ""


def _tell(message: str, pointer: str = "") -> None:
    """Print the message of the error at hand, after its traceback if that is wanted, else with a pointer to that."""
    if os.environ.get(TRACEBACK):
        echo(traceback.format_exc(), err=True)
        pointer = ""
    echo(f"harness: {message}{pointer}", err=True)


def main() -> None:
    """Entry point.

    Exit code 0 for success, 1 for failed trials or results that cannot be written, 2 for the user's mistakes, 130 for
    Ctrl-C.
    """
    open_closed_streams()
    replace_unwritable()
    gc.set_threshold(100_000)  # Records of thousands of trials live to the end; to look for garbage in them takes long.
    try:
        with without_exits(unless=_is_of_a_plugins_command):
            code = cli.main(standalone_mode=False)
    except UnknownNameError as error:
        _tell(f"{error}\n  (a plugin in a single file is loaded by --plugin FILE.py)")
        code = 2
    except UserError as error:
        _tell(str(error))
        code = 2
    except (StorageError, ExitError) as error:
        _tell(str(error))
        code = 1
    except click.NoSuchOption as error:
        told = f"{error.message}{_elsewhere(error)}"
        click.NoSuchOption(error.option_name, told, error.possibilities, error.ctx).show()
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except OSError as error:  # A file that a command reads or writes beside the results.
        pointer = f" ({TRACEBACK}=1 shows where this was met)" if error.filename else ""
        _tell(f"{error.filename or 'the standard output'}: {error.strerror or error}", pointer)
        code = 1
    except RuntimeError as error:
        if not lacks_threads(error):
            raise
        echo("harness: too many processes and threads (`ulimit -u`); the same command continues", err=True)
        code = 1
    sys.exit(code or 0)
