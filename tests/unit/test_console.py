"""What is printed comes out letter by letter, and nothing of it commands the terminal."""

import io
import logging
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest
from hypothesis import given
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pipeline.console import LogToTerminal, Terminal, progress_bar
from tests.printed import anything, letters, printable

AS_PRINTED = (
    lambda text: text,
    lambda text: Text(text),
    lambda text: Group(text, Text(text)),
    lambda text: Panel(Text(text)),
    lambda text: in_table(text, cell=text),
    lambda text: in_table(text, title=text),
    lambda text: in_table(text, head=text),
)


def in_table(text, *, cell="", title=None, head=""):
    table = Table(title=title)
    table.add_column(head)
    table.add_row(cell)
    return table


def printed(*things, width=None):
    with redirect_stdout(io.StringIO()) as out:
        Terminal(width=width).print(*things)
    return out.getvalue()


@pytest.mark.parametrize("make", AS_PRINTED)
@given(text=printable)
def test_any_text_comes_out_letter_by_letter(make, text):
    shown = letters(printed(make(text), width=200))
    for frame in "│─╭╮╰╯┏┳┓┃┡╇┩━└┴┘":
        shown, text = shown.replace(frame, ""), text.replace(frame, "")
    assert letters(text) in shown


@given(text=printable)
def test_a_line_is_neither_broken_nor_cut(text):
    line = f"/a path/{text * 9}/end"
    assert printed(line, width=20) == f"{line}\n"


@given(text=printable)
def test_a_step_in_progress_is_shown_as_it_is_called(text):
    terminal = Terminal(stderr=True, width=400)
    bar = progress_bar(terminal)
    bar.add_task(text)
    with redirect_stderr(io.StringIO()) as err:
        terminal.print(bar.get_renderable())
    assert letters(text) in letters(err.getvalue())


@given(text=printable)
def test_what_is_logged_is_printed_as_it_is(text):
    record = logging.LogRecord("name", logging.WARNING, "", 0, "%s", (text,), None)
    with redirect_stderr(io.StringIO()) as err:
        LogToTerminal().emit(record)
    assert err.getvalue() == f"{text}\n"


@given(text=anything)
def test_no_text_commands_the_terminal(text):
    for make in AS_PRINTED:
        shown = printed(make(text), width=40)
        assert all(ord(c) >= 0x20 or c == "\n" for c in shown)
        assert not any(0x7F <= ord(c) < 0xA0 or c in "\u202e\u2066\u200f" for c in shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "␛[31mred"),
        ("\x9b31mred", "�31mred"),
        ("abc\u202ecba", "abc�cba"),
        ("caf\udce9", "caf\\udce9"),
    ],
)
def test_what_would_command_it_is_shown_by_a_sign(text, shown):
    assert printed(text) == f"{shown}\n"


@given(text=printable)
def test_what_the_terminal_cannot_show_is_spelled_out(text):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    with redirect_stdout(stream):
        Terminal().print(f"– {text}")
        stream.flush()
    assert stream.buffer.getvalue().startswith(rb"\u2013")


def test_it_writes_to_where_the_process_does():
    assert Terminal().file is sys.stdout
    assert Terminal(stderr=True).file is sys.stderr
