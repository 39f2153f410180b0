"""Keras and its backend, imported without the lines that C++ writes past all logging."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

STDERR = 2


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep what is written to this process's stderr, by C++ too, to show it only on an error."""
    sys.stderr.flush()
    real = os.dup(STDERR)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), STDERR)
        try:
            yield
        except BaseException:
            aside.seek(0)
            os.write(real, aside.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(real, STDERR)
            os.close(real)


with quiet_stderr():
    import keras
    from keras import layers, ops

__all__ = ["keras", "layers", "ops"]
