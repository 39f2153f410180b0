"""Commands of the model registry: which models there are, and which one is used."""

from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from pipeline.cli.support import CityOption
from pipeline.console import Terminal
from pipeline.settings import get_settings


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (models, promote, rollback):
        app.command()(command)


def models(
    city: CityOption = "los_angeles",
    card: Annotated[
        str | None, typer.Option(help="Print the card of this version, as Markdown, instead.")
    ] = None,
) -> None:
    """List a city's models, newest first; the champion makes the forecasts.

    Example: hotspots models --card 3
    """
    from pipeline.model.registry import Registry
    from pipeline.results.store.reader import ResultsReader

    settings, the_city = get_settings().with_city(city)
    if card is not None:
        text = ResultsReader(settings.reader_database).card(the_city.name, card)
        Terminal().print(text, end="")
        return
    listed = Registry(settings, the_city.name).listed()
    table = Table(title=f"Models of {the_city.name}", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("version", justify="right")
    for name in ("", "trained through the week of", "model", "configuration"):
        table.add_column(name)
    for model in listed:
        hashes = (model.sha256[:12], model.config_sha256[:12])
        called = ", ".join(model.called)
        table.add_row(model.version, called, model.trained_through.isoformat(), *hashes)
    Terminal().print(
        table if listed else f"{the_city.name} has no model yet; the first week trains one."
    )


def promote(
    version: Annotated[str, typer.Argument(help="A version that `hotspots models` lists.")],
    city: CityOption = "los_angeles",
) -> None:
    """Make a version the champion, from the next run on; published forecasts don't change.

    Example: hotspots promote 3
    """
    from pipeline.model.registry import Registry

    settings, the_city = get_settings().with_city(city)
    Registry(settings, the_city.name).promote(version)
    Terminal().print(
        f"Version {version} is the champion of {the_city.name}. Undo it: hotspots rollback"
    )


def rollback(city: CityOption = "los_angeles") -> None:
    """Go back to the champion before this one, from the next run on."""
    from pipeline.model.registry import Registry

    settings, the_city = get_settings().with_city(city)
    version = Registry(settings, the_city.name).rollback()
    Terminal().print(f"Version {version} is the champion of {the_city.name} again.")
