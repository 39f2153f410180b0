"""Texts that are hard to print, and what to compare of them."""

from hypothesis import strategies as st

HARD = (
    "[/x]", "[grid]", "[a-z]", "[bold]", "[link=x]", ":smile:", "\\[", "\\", "'", '"', "127.0.0.1",
    "{}", "%s",
)  # fmt: skip
COMMANDS = ("\x1b[2J", "\x1b]0;title\x07", "\r", "\x9b", "\u202e", "\udce9")

# Letters, marks, numbers, signs and blanks: whatever Python calls printable.
visible = st.characters(exclude_categories=("C", "Zl", "Zp")).filter(str.isprintable)
printable = st.lists(st.sampled_from(HARD) | visible, min_size=1, max_size=30).map("".join)
anything = st.lists(st.sampled_from((*HARD, *COMMANDS)) | st.characters(), max_size=20).map("".join)


def letters(text: str) -> str:
    """Return a text without its blanks, of which a table leaves some out where it breaks lines."""
    return "".join(text.split())
