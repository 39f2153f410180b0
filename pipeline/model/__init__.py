"""The dual-branch network: windows, training, forecasts and the registry of models.

Keras reads its environment once, when it is first imported, so it is set here: quiet logs, and
operations that give the same bits on every run and any number of cores. Sums split over threads
would not; so an operation keeps to one thread, and networks of an ensemble train side by side.

A GPU calculates in float32 proper, as the CPU does, not in TensorFloat-32, whose ten bits would
show in the forecast; and takes the memory it needs, not all there is, so that a forecast and a
training may share it.
"""

import logging
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
# A process that loads several models is told each time that it compiles a function again.
logging.getLogger("tensorflow").setLevel(logging.ERROR)
