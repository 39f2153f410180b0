"""`hotspots replay`: the sources on this machine, over recorded files or a simulated city."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.console import Terminal
from pipeline.domain.errors import InvalidRequest, SourceUnavailable
from pipeline.domain.weeks import parse_date

if TYPE_CHECKING:
    from pipeline.replay.source import ReplaySource

app = typer.Typer(help="Serve the sources yourself, for demos and tests.", no_args_is_help=True)
LOOPBACK = "127.0.0.1"
DEMO_FIRST_DAY = "2023-10-29"
DEMO_DAY = "2026-11-11"


@app.command()
def serve(
    data: Annotated[
        Path | None, typer.Option(help="Folder of recorded Parquet files; else a simulated city.")
    ] = None,
    first_day: Annotated[str, typer.Option(help="First simulated day.")] = DEMO_FIRST_DAY,
    shown_day: Annotated[str, typer.Option(help="Day the simulated portal shows.")] = DEMO_DAY,
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 7,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8765,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 answers every machine.")
    ] = LOOPBACK,
    script: Annotated[
        Path | None, typer.Option(help="TOML file of faults to begin with; see docs/quality.md.")
    ] = None,
) -> None:
    """Serve the portals' protocols until stopped; set HOTSPOTS_REPLAY_URL to its address.

    Example: hotspots replay serve --data ../shared/data
    """
    from pipeline.replay.faults import load_script
    from pipeline.replay.server import serve_forever

    scripted = load_script(script) if script is not None else []
    console = Terminal(stderr=True)
    if data is not None:
        source = _recorded(data)
        console.print(f"Replaying recorded data of {data} on http://{host}:{port}")
    else:
        source = _simulated(parse_date(first_day), parse_date(shown_day), seed)
        console.print(
            f"Serving a SIMULATED Los Angeles, {first_day} to {shown_day}, seed {seed}, on "
            f"http://{host}:{port}"
        )
    for one in scripted:
        console.print(f"With the fault {one.name}")
    serve_forever(source, port, host, scripted)


def _recorded(folder: Path) -> "ReplaySource":
    from pipeline.replay.recorded import RecordedData

    if not folder.is_dir():
        raise InvalidRequest(f"--data {folder} is no folder.")
    return RecordedData(folder)


def _simulated(first_day: date, shown_day: date, seed: int) -> "ReplaySource":
    from pipeline.replay.simulator import simulate

    return simulate(seed, first_day, shown_day, shown_day)


@app.command()
def faults() -> None:
    """List what can go wrong, by the names that `fault` and a script take."""
    from pipeline.replay.faults import MEANINGS

    for name, meaning in MEANINGS.items():
        Terminal().print(f"{name:25} {meaning}")


@app.command()
def fault(
    name: Annotated[str, typer.Argument(help="Name of the fault, or 'none' to clear all.")],
    url: Annotated[str, typer.Option(help="Address of the replay.")] = "http://127.0.0.1:8765",
    times: Annotated[int | None, typer.Option(help="How many answers; all if left out.")] = None,
    match: Annotated[str, typer.Option(help="Only paths that hold this text.")] = "",
    share: Annotated[float, typer.Option(help="Of faults in rows, the share of them.")] = 1.0,
) -> None:
    """Make a running replay misbehave, to see what the pipeline does.

    Example: hotspots replay fault throttled --times 2
    """
    import requests

    address = f"{url}/_replay/faults"
    wanted = {"name": name, "times": times, "match": match, "share": share}
    try:
        if name == "none":
            answer = requests.delete(address, timeout=10)
        else:
            answer = requests.post(address, json=wanted, timeout=10)
    except requests.RequestException as error:
        raise SourceUnavailable(
            f"No replay answers at {url}. Start one by `hotspots replay serve`, or give its --url."
        ) from error
    if not answer.ok:
        raise InvalidRequest(f"The replay refused {name!r}: {answer.text}")
    Terminal().print(answer.json())
