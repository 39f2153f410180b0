"""Secrets that tests plant in settings, and look for in whatever was written."""

import re
from pathlib import Path

NOWHERE = "127.0.0.1:1"


def planted(name: str) -> str:
    """Return the secret that is planted in a setting; each is found by its own name."""
    return f"planted-{name}-0123456789"


def with_login(url: str, name: str) -> str:
    """Return an address with a login whose password is planted."""
    return url.replace("//", f"//somebody:{planted(name)}@", 1)


def found_in(written: bytes) -> list[bytes]:
    """Return the planted secrets that something holds."""
    return sorted(set(re.findall(rb"planted-[a-z]+-0123456789", written)))


def everything_in(folder: Path) -> bytes:
    """Return the content of all files in a folder."""
    return b"\n".join(p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file())
