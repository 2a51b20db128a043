"""Arguments that are a path or a URL."""

from pathlib import Path

import click

from harness.location import location


class LocationType(click.ParamType):
    """A path, or a URL of results such as s3://bucket/results."""

    name = "path"

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """What is read and written there."""
        return location(value)


LOCATION = LocationType()
