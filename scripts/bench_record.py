"""Figures of the benches, kept over time: one line of JSON a run, and what fell by a quarter.

A figure is compared with the median of earlier runs on the same kind of machine alone.
"""

import json
import os
import platform
import statistics
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from pipeline.console import Terminal
from pipeline.version import code_version

FOLDER = Path("var/bench")
WORSE = 1.25  # a figure that falls by a quarter is said
Figures = Mapping[str, float]


def machine() -> str:
    """Return what tells one kind of machine from another."""
    return f"{os.cpu_count()} cores, {platform.machine()}"


def slower(figures: Figures, earlier: list[Figures]) -> dict[str, float]:
    """Return, of figures of which less is better, those a quarter above their earlier median.

    Args:
        figures: of this run, in any unit.
        earlier: those of earlier runs; figures that a run lacks are passed over.

    Returns:
        Name -> times the earlier median.
    """
    found = {}
    for name, value in figures.items():
        before = [run[name] for run in earlier if name in run]
        if before and value > WORSE * (median := statistics.median(before)):
            found[name] = value / median
    return found


def record(bench: str, figures: Figures, *, folder: Path = FOLDER) -> dict[str, float]:
    """Add a run to a bench's file; return what is slower than before, as `slower`.

    Args:
        bench: name of the file.
        figures: what was measured, less is better.
        folder: where the files lie.
    """
    path = folder / f"{bench}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    runs: list[dict[str, Any]] = [json.loads(line) for line in lines]
    alike = [run["figures"] for run in runs if run["machine"] == machine()]
    run = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "code": code_version(),
        "machine": machine(),
        "figures": dict(figures),
    }
    folder.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(run) + "\n")
    return slower(figures, alike)


def show(title: str, rows: list[tuple[str, str]]) -> None:
    """Print what was measured as a table."""
    table = Table(title=f"{title}; {machine()}")
    table.add_column("what")
    table.add_column("measured", justify="right")
    for row in rows:
        table.add_row(*row)
    Terminal(width=120).print(table)


def tell(bench: str, figures: Figures) -> None:
    """Keep the figures, and print which of them fell by a quarter."""
    fallen = record(bench, figures)
    for name, times in fallen.items():
        Terminal().print(f"Slower than before: {name}, {times:.2f} times the median so far.")
    Terminal().print(f"Kept in {FOLDER / bench}.jsonl")
