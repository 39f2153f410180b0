"""Our plugins, imported as Airflow does."""

import importlib
import sys
import warnings
from collections.abc import Callable
from types import ModuleType

from tests.services import ROOT

PLUGINS = str(ROOT / "plugins")


def import_plugin(name: str, prepare: Callable[[], object] = lambda: None) -> ModuleType:
    """Return a module of the plugins' folder. Set AIRFLOW_HOME before.

    Args:
        name: of the module.
        prepare: done first; what it has of Airflow to import, it imports itself.
    """
    if PLUGINS not in sys.path:
        sys.path.insert(0, PLUGINS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow and what it imports warn of their own parts
        prepare()
        return importlib.import_module(name)
