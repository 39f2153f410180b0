"""The street: who may import whom, what stays out, and where the clock is read."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.clock import utc_now

PACKAGE = Path(__file__).resolve().parents[1] / "pipeline"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Rooms from the lowest up. A room imports from the steps below its own and from itself.
STREET = (
    {"domain", "clock", "masking"},
    {"settings", "files", "console", "version"},
    {"sources", "lake", "quality", "grid"},
    {"model"},
    {"evaluation"},
    {"results"},
    {"workflow"},
    {"cli"},
)
STEP = {room: step for step, rooms in enumerate(STREET) for room in rooms}
HEAVY = (
    "tensorflow", "keras", "jax", "great_expectations", "mlflow", "matplotlib", "geopandas",
    "s3fs", "botocore",
)  # fmt: skip
CLOCK_READERS = {"clock.py"}
# What lays texts out, and leaves how they are read to who prints them.
LAID_OUT_BY = {
    "rich.box.SIMPLE_HEAD", "rich.console.Group", "rich.console.RenderableType",
    "rich.panel.Panel", "rich.table.Table", "rich.text.Text",
}  # fmt: skip
OTHER_WAYS = {
    "Text.from_markup", "Text.from_ansi", "typer.echo", "typer.secho", "typer.prompt",
    "sys.stdout.write", "sys.stderr.write",
}  # fmt: skip

# Imports modules with some packages made absent; prints which of a list were loaded.
IMPORTER = """
import importlib, json, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in absent:
            raise ModuleNotFoundError(f"{name} is absent here", name=name)

absent, names, watched = (json.loads(text) for text in sys.argv[1:])
sys.meta_path.insert(0, Absent())
for name in names:
    importlib.import_module(name)
print(json.dumps(sorted(set(watched) & set(sys.modules))))
"""


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(dotted: str) -> str:
    """Return the room of a module's dotted name below `pipeline`."""
    return dotted.split(".")[0]


def own_room(path: Path) -> str:
    return room_of(path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", "."))


def imported(path: Path) -> Iterator[str]:
    """Yield the dotted name of all that a module imports, at its top or in its functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            if node.module == "pipeline":
                yield from (f"pipeline.{alias.name}" for alias in node.names)
            else:
                yield node.module


def rooms_imported(path: Path) -> set[str]:
    names = (name for name in imported(path) if name.startswith("pipeline."))
    return {room_of(name.removeprefix("pipeline.")) for name in names}


def import_without(
    absent: list[str], names: list[str], watched: tuple[str, ...] = HEAVY
) -> list[str]:
    """Import modules in a fresh interpreter; return which of the watched were loaded."""
    arguments = [json.dumps(value) for value in (absent, names, watched)]
    command = [sys.executable, "-c", IMPORTER, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PACKAGE.parent)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def modules_of(*rooms: str) -> list[str]:
    return [
        "pipeline." + relative(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for path in MODULES
        if own_room(path) in rooms
    ]


@pytest.mark.parametrize("path", [p for p in MODULES if own_room(p) in STEP], ids=relative)
def test_imports_go_down_the_street(path):
    room = own_room(path)
    allowed = {room, *(below for below in STEP if STEP[below] < STEP[room])}
    if room == "cli":
        allowed.add("replay")
    wrong = rooms_imported(path) - allowed
    assert not wrong, f"{relative(path)} imports {sorted(wrong)}; it may import {sorted(allowed)}"


def test_the_replay_knows_the_words_of_the_project_and_no_more():
    found = set().union(*(rooms_imported(path) for path in MODULES if own_room(path) == "replay"))
    assert found <= {"replay", "domain", "clock", "settings"}


def test_the_package_itself_imports_nothing():
    assert list(imported(PACKAGE / "__init__.py")) == []


def test_every_room_stands_on_the_street_or_is_the_replay():
    assert {own_room(path) for path in MODULES} <= {*STEP, "replay", "__init__"}


def test_airflow_is_named_in_no_import():
    users = [relative(p) for p in MODULES if any(n.split(".")[0] == "airflow" for n in imported(p))]
    assert users == []


def test_the_workflow_and_the_command_start_light_and_without_airflow():
    assert (
        import_without(["airflow"], ["pipeline", "pipeline.workflow.tasks", "pipeline.cli.main"])
        == []
    )


def test_all_but_the_model_imports_without_tensorflow():
    names = modules_of("domain", "clock", "settings", "files", "sources", "lake", "grid")
    names += modules_of("evaluation")
    assert len(names) > 20
    # The lake's other half speaks to object storage, and is loaded where that is named.
    loaded = import_without(["tensorflow", "keras"], names)
    assert set(loaded) <= {"s3fs", "botocore"}


def test_help_is_printed_without_what_the_commands_use():
    slow = (*HEAVY, "pandas", "pyarrow", "sqlalchemy", "scipy", "requests")
    assert import_without([], ["pipeline.cli.main"], slow) == []


def test_a_step_that_needs_none_of_it_loads_nothing_slow():
    """Each of a week's eleven tasks imports the workflow."""
    assert import_without([], ["pipeline.workflow.tasks"], (*HEAVY, "alembic", "scipy.stats")) == []


def reads_clock(path: Path) -> bool:
    """Say whether a module names `.now`, `.utcnow`, `.today`, or `time.time`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            is_time = node.attr in ("time", "time_ns") and ast.unparse(node.value) == "time"
            if is_time or node.attr in ("now", "utcnow", "today"):
                return True
    return False


def test_the_clock_is_read_in_one_place():
    assert {relative(path) for path in MODULES if reads_clock(path)} == CLOCK_READERS


def other_ways_to_the_terminal(path: Path) -> Iterator[str]:
    """Yield what a module would print by that isn't the Terminal, or that reads texts as markup."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("rich"):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from names - LAID_OUT_BY
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] in ("rich", "click"))
        elif isinstance(node, ast.Name) and node.id == "print":
            yield node.id
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in OTHER_WAYS:
            yield ast.unparse(node)


def test_all_is_printed_through_the_terminal():
    found = {relative(path): {*other_ways_to_the_terminal(path)} for path in MODULES}
    found.pop("console.py")
    assert {path: ways for path, ways in found.items() if ways} == {}


def test_no_script_or_plugin_brings_a_console_of_its_own():
    for folder in ("scripts", "plugins", "dags"):
        for path in (PACKAGE.parent / folder).glob("*.py"):
            assert not [w for w in other_ways_to_the_terminal(path) if w.startswith("rich.")], path


def test_the_clock_knows_its_zone():
    first, second = utc_now(), utc_now()
    assert first.utcoffset().total_seconds() == 0
    assert first <= second


TABLES_OF_A_CUBE = {"counts_table", "weather_table", "weeks_table", "station_weather", "_cube"}


def test_a_cube_is_read_through_its_views():
    """They alone know what was known when."""
    for path in MODULES:
        named = {
            n.attr for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Attribute)
        }
        assert own_room(path) == "grid" or not named & TABLES_OF_A_CUBE, relative(path)


def test_files_are_written_in_one_place():
    """Whole or not at all; only there is a file or folder renamed into its place."""
    calls = {
        relative(path): {
            ast.unparse(node.func)
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("write_bytes", "fsync", "NamedTemporaryFile", "mkstemp")
        }
        for path in MODULES
    }
    assert {path for path, found in calls.items() if found} == {"files.py"}


def test_as_of_is_a_read_and_no_value():
    """A moment is `known_at`, a day `issue_date`, a week `edge_week`."""
    for path in MODULES:
        nodes = list(ast.walk(ast.parse(path.read_text())))
        named = {node.id for node in nodes if isinstance(node, ast.Name)}
        named |= {
            node.arg for node in nodes if isinstance(node, ast.arg | ast.keyword) and node.arg
        }
        assert not [name for name in named if name.endswith("as_of")], relative(path)


def test_a_column_is_defined_in_one_place():
    where = {
        "mapped_column(": {"pipeline/results/store/tables.py"},
        "TableContract(": {
            "pipeline/domain/columns.py",
            "pipeline/evaluation/outputs.py",  # of a backtest's scores
            "pipeline/results/store/dictionary.py",
        },
    }
    for words, allowed in where.items():
        found = {f"pipeline/{relative(p)}" for p in MODULES if words in p.read_text()}
        assert found == allowed, words


def test_no_two_modules_share_a_name():
    names = [path.name for path in MODULES if path.name != "__init__.py"]
    assert sorted(names) == sorted(set(names))


def names_the_reader_of_cities(path: Path) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and any(name.name == "load_city" for name in node.names)
        for node in ast.walk(ast.parse(path.read_text()))
    )


def test_a_city_is_found_in_one_place():
    """By the settings, which know the folder of cities outside the package."""
    users = {relative(path) for path in MODULES if names_the_reader_of_cities(path)}
    assert {user for user in users if not user.startswith("replay/")} == {
        "settings.py",
        "cli/cities.py",  # makes the table of cells that a city's file may name before it is there
    }
