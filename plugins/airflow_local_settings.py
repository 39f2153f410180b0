"""Read by every Airflow process: one that starts tasks loads what they need, once for all of them.

Each task is a fork of the scheduler's or the Celery worker's process, and would else spend seconds
on the same imports. TensorFlow is not among them: it is not made to be forked.
"""

import sys

if {"scheduler", "worker"} & set(sys.argv):
    from pipeline import workflow

    workflow.load_parts()
