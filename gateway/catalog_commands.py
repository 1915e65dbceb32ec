"""`gateway catalog`: what the operator sells, checked and brought where it is sold."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway import options, postgres
from gateway.options import DataDirectory
from gateway.settings import Settings

if TYPE_CHECKING:
    from billing.catalog_file import Catalogue
    from billing.catalog_sync import Change

commands: Final = typer.Typer(help="What is sold: plans, prices, packs.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="The catalogue, TOML.")]
DEFAULT: Final = Path("catalog.toml")


@commands.command()
def check(file: File = DEFAULT) -> None:
    """Say every mistake of the catalogue with its line; fail when there is one."""
    catalogue = _read(file)
    pack = "no pack" if catalogue.credit_pack is None else "a pack"
    prices = sum(len(plan.prices) for plan in catalogue.plans)
    typer.echo(f"{file}: {len(catalogue.plans)} plans with {prices} prices, {pack}.")


@commands.command()
def sync(file: File = DEFAULT, data: DataDirectory = None) -> None:
    """Sell what the catalogue says, here and, with a Stripe key, at Stripe; again is harmless."""
    catalogue = _read(file)
    changes = asyncio.run(_sync(options.chosen(data_directory=data), catalogue))
    for change in changes:
        typer.echo(f"{change.what}: {change.deed}")
    typer.echo(f"The catalogue is in place. Changes: {len(changes)}.")


def _read(file: Path) -> "Catalogue":
    """Return the catalogue of a file; end with a line for each mistake."""
    from billing import catalog_file  # noqa: PLC0415 - takes a while to load

    try:
        return catalog_file.parse(file.read_text(encoding="utf-8-sig"))
    except catalog_file.CatalogueInvalid as invalid:
        for mistake in invalid.mistakes:
            typer.echo(f"{file}:{mistake}", err=True)
        raise typer.Exit(1) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        typer.echo(f"{file}: {reason}", err=True)
        raise typer.Exit(1) from None


async def _sync(chosen: Settings, catalogue: "Catalogue") -> "list[Change]":
    from billing import catalog_sync  # noqa: PLC0415 - takes a while to load
    from gateway import stripe_account  # noqa: PLC0415 - the same
    from gateway.stripe_client import StripePayments  # noqa: PLC0415 - the same

    stripe = stripe_account.connect(chosen)
    try:
        async with postgres.connected(chosen) as database:
            return await catalog_sync.sync(
                database,
                catalogue,
                payments=None if stripe is None else StripePayments(stripe),
                now=datetime.now(UTC),
            )
    finally:
        if stripe is not None:
            await stripe.close()
