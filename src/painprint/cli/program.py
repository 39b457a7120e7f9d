"""The command-line program, to which the modules beside this one add its commands."""

from __future__ import annotations

from cyclopts import App, Group, Parameter

from painprint.help_text import show_by_heading, show_default
from painprint.option_fields import flag

FLAT = Parameter(name="*")
"""Marks an argument whose fields are options themselves."""
BY_HEADING = Group("Parameters", help_formatter=show_by_heading)

app = App(
    name="painprint",
    help="Learn one person's brain signature of spontaneous pain from their own fMRI sessions.",
    default_parameter=Parameter(
        negative=(), consume_multiple=1, name_transform=flag, show_default=show_default
    ),
)
