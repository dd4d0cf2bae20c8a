"""A worker with a fault: `python -m tests.faults.original.broken.worker FAULT FD`, started by the supervisor."""

import sys

from fanout.worker.main import main
from tests.faults.original.broken import worker_faults

if __name__ == "__main__":
    worker_faults.FAULTS[sys.argv[1]]()
    main(int(sys.argv[2]))
