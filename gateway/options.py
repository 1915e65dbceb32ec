"""What the commands share: options of several, and the settings that they work with."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from gateway import environment, observability
from gateway.environment import SettingsError
from gateway.settings import Settings

DataDirectory = Annotated[
    Path | None,
    typer.Option("--data", help="Where the embedded PostgreSQL lives (GATEWAY_DATA_DIRECTORY)."),
]

_console: Final = Console(stderr=True, highlight=False, soft_wrap=True)


def chosen(**changes: Any) -> Settings:
    """Return the settings, the options that were given before them; end if they cannot be used."""
    given = {name: value for name, value in changes.items() if value is not None}
    try:
        found = environment.load(**given)
    except SettingsError as error:
        for mistake in error.mistakes:
            _console.print(f"gateway: {mistake}", style="red", markup=False)
        raise typer.Exit(2) from None
    observability.configure_logging(found)
    return found
