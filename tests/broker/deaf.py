"""The program with a member whose commits find no coordinator any more, once the file that DEAF names is there.

The client was seen to get into this state for good (fault run of seed 147); a broker cannot be made to bring it there.
The member that comes after it is sound. What takes 45 s in earnest takes five.
"""

import os
import sys
from typing import Any
from unittest import mock

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.aio import AIOConsumer

from fanout import cli
from fanout.supervisor import lifeline

STUCK_S = 5.0


def main() -> None:
    """Make the first member deaf when told to, then be the program."""
    sign = os.environ["DEAF"]
    members: list[AIOConsumer] = []
    commit = AIOConsumer.commit

    async def unheard(self: AIOConsumer, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the client's
        if not members:
            members.append(self)
        if self is members[0] and os.path.exists(sign):  # noqa: ASYNC240 - it does not block for long
            raise KafkaException(KafkaError(KafkaError._WAIT_COORD))
        return await commit(self, *args, **kwargs)

    mock.patch.object(AIOConsumer, "commit", unheard).start()
    mock.patch.object(lifeline, "STUCK_S", STUCK_S).start()
    cli.commands(sys.argv[1:], prog_name=cli.PROGRAM)


if __name__ == "__main__":
    main()
