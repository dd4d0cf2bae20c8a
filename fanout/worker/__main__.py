"""Entry of a worker process: `python -m fanout.worker FD`, FD being its end of the link. Started by the supervisor."""

import sys

from fanout.worker.main import main

main(int(sys.argv[1]))
