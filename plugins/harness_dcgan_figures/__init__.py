"""Built-in plugin: the figures of the DCGAN paper, as commands about a trained trial.

harness arithmetic    vector arithmetic on latents                       (Radford et al., 2016, section 6.3.2)
harness filters       what the discriminator's last features respond to  (section 6.2)
harness forget        a generator without the maps that draw an object   (section 6.3.1)
"""

import click

from harness import hookimpl


@hookimpl
def harness_register_commands(group: click.Group) -> None:
    """Add `arithmetic`, `filters` and `forget` to the command line."""
    from harness_dcgan_figures.commands.arithmetic import command as arithmetic
    from harness_dcgan_figures.commands.filters import command as filters
    from harness_dcgan_figures.commands.forget import command as forget

    group.add_command(arithmetic, "arithmetic")
    group.add_command(filters, "filters")
    group.add_command(forget, "forget")
