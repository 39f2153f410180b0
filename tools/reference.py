"""Reference pages made from the code, and the hooks by which mkdocs puts them into the site."""

import ast
import inspect
import posixpath
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # mkdocs loads this file by its path

from pydantic import BaseModel  # noqa: E402
from typer.main import get_command  # noqa: E402

from pipeline.cli.main import app  # noqa: E402
from pipeline.domain import columns, errors  # noqa: E402
from pipeline.quality.rules import rules_table  # noqa: E402
from pipeline.results.page import schemas  # noqa: E402
from pipeline.results.store.dictionary import columns_of_table  # noqa: E402
from pipeline.results.store.tables import Base  # noqa: E402
from pipeline.settings import PREFIX, Settings  # noqa: E402
from pipeline.workflow.operations.retries import RULES  # noqa: E402

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

DAGS = ("weekly_forecast", "retrain_model", "load_history", "forecast_deadline")
# Files of the root that are pages too.
ROOT_PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
LINK = re.compile(r"\[([^\]]*)\]\(([^)#:]+)(#[^)]*)?\)")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines) + "\n"


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;")


def _code(value: object) -> str:
    return f"`{value}`" if str(value) else ""


def contracts() -> list[columns.TableContract]:
    """Return the contracts of the lake's tables."""
    return [c for c in vars(columns).values() if isinstance(c, columns.TableContract)]


def tables_page() -> str:
    """Return the tables of the lake and of the results store."""
    head = ("column", "type", "unit", "allowed", "may be null", "meaning")
    parts = ["# Tables and columns\n\n## In the lake\n"]
    for contract in contracts():
        rows = [
            (_code(c.name), c.type, c.unit, _allowed(c), "yes" if c.is_nullable else "", c.meaning)
            for c in contract.columns
        ]
        parts += [f"### {contract.name}\n\nKey: {', '.join(contract.key)}.\n", table(head, rows)]
    parts.append("## In the results store\n")
    for mapper in sorted(Base.registry.mappers, key=lambda mapper: mapper.class_.__tablename__):
        stored: Any = mapper.local_table
        keys = ", ".join(column.name for column in stored.primary_key)
        about = f"{inspect.getdoc(mapper.class_)} Key: {keys}."
        rows = [
            (_code(sql.name), str(sql.type).lower(), c.unit, _allowed(c),
             "yes" if c.is_nullable else "", c.meaning)
            for sql, c in zip(stored.columns, columns_of_table(mapper.class_), strict=True)
        ]  # fmt: skip
        parts += [f"### {stored.name}\n\n{about}\n", table(head, rows)]
    return "\n".join(parts)


def _allowed(column: columns.Column) -> str:
    if column.allowed is not None:
        return ", ".join(column.allowed)
    low = "" if column.low is None else f"{column.low:g}"
    high = "" if column.high is None else f"{column.high:g}"
    return f"{low} to {high}".strip() if high else low and f"from {low}"


def meanings_of_settings() -> dict[str, str]:
    """Return each setting's meaning, from the docstring of `Settings`."""
    about = (inspect.getdoc(Settings) or "").partition("Attributes:\n")[2]
    entries = re.findall(r"^    ([a-z][\w, ]*): (.*(?:\n        .*)*)", about, re.MULTILINE)
    return {name: text for names, text in entries for name in names.split(", ")}


def settings_page() -> str:
    """Return every setting: name, type, default and meaning."""
    meanings = meanings_of_settings()
    rows = []
    for name, field in Settings.model_fields.items():
        kind = getattr(field.annotation, "__name__", None)
        kind = str(field.annotation) if kind in (None, "Union") else kind
        default = "the usual home" if field.default_factory else field.default
        kind = re.sub(r"[\w.]+\.(\w+)", r"\1", kind or "").removesuffix(" | None")
        rows.append(
            (_code(PREFIX + name.upper()), kind, "" if default is None else default, meanings[name])
        )
    head = ("setting", "type", "default", "meaning")
    intro = f"Environment variables. A name that starts with {PREFIX} and isn't here is refused."
    return f"# Settings\n\n{intro}\n\n{table(head, rows)}"


def checks_page() -> str:
    """Return every data check."""
    return f"# Data checks\n\n{rules_table()}\n"


def named_errors() -> list[type[errors.HotspotsError]]:
    """Return every named error."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    root = errors.HotspotsError
    return [kind for kind in kinds if issubclass(kind, root) and kind is not root]


def errors_page() -> str:
    """Return every named error with its exit code and what is done about it."""
    rows = [
        (_code(kind.__name__), kind.exit_code, "yes" if RULES[kind].retry_helps else "no",
         inspect.getdoc(kind), RULES[kind].to_do)
        for kind in named_errors()
    ]  # fmt: skip
    head = ("error", "exit code", "retried", "means", "what to do")
    return f"# Errors, exit codes and retries\n\n{table(head, rows)}"


def dags_page() -> str:
    """Return the params of each DAG, read from the files: Airflow is not loaded."""
    parts = ["# DAG params\n\nEvery DAG also takes `city`.\n"]
    for name in DAGS:
        tree = ast.parse((ROOT / "dags" / f"{name}.py").read_text())
        about = (ast.get_docstring(tree) or "").removeprefix("### ")
        parts += [f"## {name}\n\n{about}\n"]
        rows = list(_params(tree))
        head = ("param", "type", "default", "title", "meaning")
        parts.append(table(head, rows) if rows else "It takes no other param.\n")
    return "\n".join(parts)


def _params(tree: ast.Module) -> Iterator[tuple[str, ...]]:
    for node in tree.body:
        if not (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PARAMS"):
            continue
        for key, call in zip(*_items(node.value), strict=True):
            if not isinstance(call, ast.Call) or ast.unparse(call.func) != "Param":
                continue
            given = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg != "section"
                     and isinstance(k.value, ast.Constant | ast.List)}  # fmt: skip
            default = ast.literal_eval(call.args[0]) if call.args else given.get("default", "")
            kind = given.get("enum") or given.get("format") or given.get("type", "")
            kind = ", ".join(kind) if isinstance(kind, list) else kind
            yield (
                _code(ast.literal_eval(key)), kind, "" if default is None else str(default),
                given.get("title", ""), given.get("description", ""),
            )  # fmt: skip


def _items(node: ast.expr) -> tuple[list[Any], list[Any]]:
    return (node.keys, node.values) if isinstance(node, ast.Dict) else ([], [])


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command of `hotspots`, with its full name."""
    waiting = [("hotspots", get_command(app))]
    while waiting:
        name, command = waiting.pop(0)
        below = getattr(command, "commands", {})
        waiting += [(f"{name} {part}", one) for part, one in below.items()]
        if not below:
            yield name, command


def commands_page() -> str:
    """Return every command with its arguments and options."""
    parts = ["# Commands\n"]
    for name, command in sorted(commands(), key=lambda pair: pair[0]):
        parts.append(f"## {name}\n\n{inspect.cleandoc(command.help or '')}\n")
        rows = [
            (_code(", ".join(p.opts)), getattr(p, "help", None) or "")
            for p in command.params
            if p.name != "help"
        ]
        if rows:
            parts.append(table(("argument or option", "meaning"), rows))
    return "\n".join(parts)


def api_page() -> str:
    """Return the addresses of the API, and the fields of its answers."""
    source = (ROOT / "plugins" / "hotspots_ui" / "api.py").read_text()
    rows = [row for node in ast.parse(source).body for row in _route(node)]
    parts = ["# API\n\nBelow `/hotspots`, for users who are logged in; read-only.\n"]
    parts += [table(("address", "answer", "meaning"), rows)]
    for name, model in vars(schemas).items():
        is_answer = isinstance(model, type) and issubclass(model, BaseModel)
        if is_answer and model is not BaseModel and not name.startswith("_"):
            fields = [
                (_code(f), re.sub(r"[\w.]+\.(\w+)", r"\1", inspect.formatannotation(i.annotation)),
                 i.description or "")
                for f, i in model.model_fields.items()
            ]  # fmt: skip
            head = ("field", "type", "meaning")
            parts += [f"## {name}\n\n{inspect.getdoc(model)}\n", table(head, fields)]
    return "\n".join(parts)


def _route(node: ast.stmt) -> Iterator[tuple[str, str, str]]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for call in node.decorator_list:
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "app.get":
            given = {k.arg: ast.unparse(k.value) for k in call.keywords}
            answer = given.get("response_model", "").removeprefix("answers.")
            yield _code(ast.literal_eval(call.args[0])), answer, ast.get_docstring(node) or ""


PAGES: dict[str, Callable[[], str]] = {
    "reference/tables.md": tables_page,
    "reference/settings.md": settings_page,
    "reference/checks.md": checks_page,
    "reference/errors.md": errors_page,
    "reference/dags.md": dags_page,
    "reference/commands.md": commands_page,
    "reference/api.md": api_page,
}


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Add the pages that are no files of docs/."""
    from mkdocs.structure.files import File

    for path, make in PAGES.items():
        files.append(File.generated(config, path, content=make()))
    for name, path in ROOT_PAGES.items():
        files.append(File.generated(config, path, content=(ROOT / name).read_text()))
    return files


def on_page_markdown(markdown: str, page: "Page", **_: object) -> str:
    """Turn links to where the pages lie; of one to a file outside them, the words stay."""
    path = page.file.src_uri
    folder = "" if path in ROOT_PAGES.values() else f"docs/{posixpath.dirname(path)}"

    def turned(found: re.Match[str]) -> str:
        words, target, anchor = found[1], found[2], found[3] or ""
        to = posixpath.normpath(posixpath.join(folder, target))
        to = ROOT_PAGES.get(to) or (to.removeprefix("docs/") if to.startswith("docs/") else "")
        here = posixpath.relpath(to or ".", posixpath.dirname(path) or ".")
        return f"[{words}]({here}{anchor})" if to else words

    return LINK.sub(turned, markdown)
