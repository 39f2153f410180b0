"""The command line: the weekly steps, backfills, backtests and replays, without Airflow.

Exit codes: 0 done, 1 unforeseen, 2 bad usage, 3 source unavailable, 4 quality gate, 5 stale or not
ready.
"""

import io
import logging
import os
import sys
from typing import Annotated

import typer
from rich.text import Text
from typer.exceptions import TyperException

from pipeline.cli import (
    backtests,
    backups,
    cities,
    forecasting,
    lakes,
    models,
    replays,
    stored,
    upkeep,
)
from pipeline.console import LogToTerminal, Terminal, print_unforeseen
from pipeline.domain.errors import (
    HotspotsError,
)
from pipeline.domain.storage import naming_storage_errors
from pipeline.masking import HidingFormatter, hidden
from pipeline.version import code_version

app = typer.Typer(
    name="hotspots",
    help="Weekly violent-crime hotspot forecasts. Every command explains itself with --help.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 120},
    epilog="Exit codes: 0 done, 2 bad usage, 3 source unavailable, 4 quality gate, "
    "5 stale or not ready.",
)
app.add_typer(replays.app, name="replay")
app.add_typer(cities.app, name="city")
app.add_typer(lakes.app, name="lake")


def _say_version(asked: bool) -> None:  # noqa: FBT001 - as typer calls it
    if asked:
        Terminal().print(f"la-hotspots {code_version()}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="Say which code this is."
        ),
    ] = False,
) -> None:
    """Take what stands before a command."""


for group in (forecasting, backtests, stored, models, upkeep, backups, cities):
    group.add_to(app)


def main() -> None:
    """Run the command line; a named error becomes one line and its exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.excepthook = print_unforeseen
    logging.lastResort = LogToTerminal(logging.WARNING)
    logging.lastResort.setFormatter(HidingFormatter())
    try:
        with naming_storage_errors():
            sys.exit(app(prog_name="hotspots", standalone_mode=False))
    except HotspotsError as error:
        name = (type(error).__name__, "bold red")
        Terminal(stderr=True).print(Text.assemble(name, hidden(f": {error}")))
        sys.exit(error.exit_code)
    except TyperException as error:
        said = io.StringIO()
        error.show(said)  # type: ignore[attr-defined] # all that it raises have it
        Terminal(stderr=True).print(hidden(said.getvalue()), end="")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
