"""The one way to the terminal: what is printed comes out as it is and commands nothing.

Texts come from portals, files and whoever typed them. Rich would read `[/x]` as markup and `:tent:`
as a picture, break a path in two, and pass a terminal's own commands on.
"""

import logging
import traceback
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.segment import Segment
from rich.text import Text

from pipeline.masking import hidden

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
KEPT = "\n\t"
TURNS_TEXT_AROUND = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
# Each command to a terminal becomes one sign: the control pictures, such as ␛ for escape.
SIGNS = {code: 0x2400 + code for code in range(0x20) if chr(code) not in KEPT} | {
    0x7F: "\N{SYMBOL FOR DELETE}",
    **dict.fromkeys((*range(0x80, 0xA0), *TURNS_TEXT_AROUND), UNKNOWN),
}


class Terminal(Console):
    """Standard output or error, to which strings and Text objects are printed letter by letter.

    Style is given by Text objects alone. Lines are neither broken nor cut; only tables are fitted
    to the width. A character that the terminal would obey, or can't show, is shown by another.
    """

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        """Open standard output, or standard error."""
        super().__init__(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)

    def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401 - as Rich has it
        """Print texts, or tables, side by side."""
        is_text = all(isinstance(thing, str | Text) for thing in objects)
        super().print(*objects, **{"soft_wrap": is_text, "crop": False, **options})

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield a renderable's segments, made harmless; Rich's own cursor moves stay."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else self._harmless(text), style, control)

    def _harmless(self, text: str) -> str:
        shown = text.translate(SIGNS)
        return shown.encode(self.encoding, "backslashreplace").decode(self.encoding)


class LogToTerminal(logging.Handler):
    """Prints what is logged to standard error as any other text."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record's message."""
        Terminal(stderr=True).print(self.format(record))


def print_unforeseen(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print an error that nobody caught as Python does, without secrets; for `sys.excepthook`."""
    said = hidden("".join(traceback.format_exception(kind, error, trace)))
    Terminal(stderr=True).print(said, end="")


def progress_bar(terminal: Terminal) -> Progress:
    """Return a moving line that leaves nothing behind: a task's description, bar and time."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        console=terminal,
        transient=True,
    )
