"""Write one file whole or not at all."""

import os
import secrets
from pathlib import Path


def write_file(path: Path, content: bytes) -> Path:
    """Write a file under a temporary name beside it, bring it to the disk, rename it; return it.

    A reader sees the old file or the new one, never a part; its folder is made where missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".tmp-{secrets.token_hex(8)}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
