"""One run of a dataset in a process of its own, as the command line does it, to be killed from outside or within.

``python -m tagflow_tests.chaos.run NAME [ASSETS]`` with TAGFLOW_DATA and the endpoint in the environment.
"""

import sys

from tagflow.cli.runs import run_dataset
from tagflow_tests.chaos.wiring import wire

if __name__ == "__main__":
    wire()
    run_dataset(*sys.argv[1:])
