"""Commands that copy an installation into one file, and back: backup, restore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.clock import utc_now
from pipeline.console import Terminal
from pipeline.settings import get_settings

if TYPE_CHECKING:
    from pipeline.workflow.operations.backup import Backup

MB = 1e6


def add_to(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (backup, restore):
        app.command()(command)


def backup(file: Annotated[Path, typer.Argument(help="The backup to make, a zip file.")]) -> None:
    """Copy the home and the results store into one file; nothing has to stop for it.

    What is kept elsewhere is not in it, and is named. See docs/operations.md.

    Example: hotspots backup /backups/2026-11-28.zip
    """
    from pipeline.workflow.operations.backup import back_up

    made = back_up(get_settings(), file, now=utc_now())
    Terminal().print(f"{file} holds {_size(made)}.")
    Terminal().print(f"Not in it: {'; '.join(made['missing'])}.")


def restore(
    file: Annotated[Path, typer.Argument(help="A backup, of this version or older.")],
) -> None:
    """Unpack a backup into the home, which must be empty, in any folder of any machine.

    Each file is checked against its hash first; nothing is written unless all of them match.

    Example: HOTSPOTS_HOME=/srv/hotspots hotspots restore /backups/2026-11-28.zip
    """
    from pipeline.workflow.operations.restore import restore as unpack

    settings = get_settings()
    held = unpack(settings, file)
    made = f"made {held['made_at'][:16].replace('T', ' ')} UTC by version {held['code_version']}"
    Terminal().print(f"{settings.home.resolve()} holds {_size(held)}, as in the backup {made}.")
    Terminal().print(f"Not in it: {'; '.join(held['missing'])}.")
    Terminal().print("If this version is newer, run `hotspots migrate`.")


def _size(held: Backup) -> str:
    size = sum(entry["bytes"] for entry in held["files"].values())
    return f"{len(held['files']):,} files of {size / MB:,.1f} MB"
