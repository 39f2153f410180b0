"""The dual-branch network: windows, training, forecasts and the registry of models.

Keras reads its environment once, when it is first imported, so it is set here: quiet logs, and
operations that give the same bits on every run (oneDNN's choose their order at run time).
"""

import logging
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
# A process that loads several models is told each time that it compiles a function again.
logging.getLogger("tensorflow").setLevel(logging.ERROR)
