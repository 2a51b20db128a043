"""`harness completion`: the script that makes a shell complete commands and names."""

import click
from click.shell_completion import get_completion_class

from harness.cli.terminal import echo

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_HARNESS_COMPLETE"
INSTALL = {
    "bash": 'eval "$(harness completion bash)"   in ~/.bashrc',
    "zsh": 'eval "$(harness completion zsh)"   in ~/.zshrc, after compinit',
    "fish": "harness completion fish > ~/.config/fish/completions/harness.fish",
}


@click.command(epilog="\n\n".join(["Install it with:", *INSTALL.values()]))
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of SHELL: commands, options, names of plugins, suites, results and trials."""
    complete = get_completion_class(shell)
    assert complete is not None
    echo(complete(ctx.find_root().command, {}, "harness", VARIABLE).source())
