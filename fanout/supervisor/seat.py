"""The seat of this replica in the group: the member that holds it, and its exchange for one with other credentials."""

import asyncio
from collections.abc import Callable

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from fanout import client
from fanout.supervisor.membership import COMMITTED_S, Membership


class Seat:
    """Held by one member after the other; `make` makes one, and raises KafkaException if the client cannot be made."""

    def __init__(self, make: Callable[[], Membership]) -> None:
        self._make = make
        self._successor: Membership | None = None
        self._exchanging = asyncio.Lock()
        self.holder: Membership | None = None  # the latest; None before the first

    @property
    def is_handed_over(self) -> bool:
        """Whether the holder was told to end because another one is ready."""
        return self._successor is not None

    @property
    def joined(self) -> bool:
        """Whether the holder is a member of the group."""
        return self.holder is not None and self.holder.joined

    async def look_for_itself(self, admin: AdminClient) -> None:
        """Ask the group whether the holder has joined, if it does not know. Raises KafkaException."""
        if self.holder is not None and not self.holder.joined:
            await self.holder.look_for_itself(admin)

    @property
    def problem(self) -> str:
        """Why the group does not serve the holder, as far as it was told."""
        return self.holder.problem if self.holder is not None else ""

    def take(self) -> Membership:
        """The member that is to join now: the one that is ready, else a new one. Raises KafkaException."""
        ready, self._successor = self._successor, None
        self.holder = ready or self._make()
        return self.holder

    async def sign_in(self, username: str, password: str) -> None:
        """Have the holder use these for its next connections."""
        if self.holder is not None:
            await self.holder.set_credentials(username, password)

    def unserved_s(self) -> float:
        """For how long the group has not answered the holder; 0 if it does, or if there is nothing to answer."""
        return self.holder.committer.unserved_s() if self.holder is not None and not self.is_handed_over else 0.0

    async def has_broker(self) -> bool:
        """Whether the holder's client finds a broker to ask. Takes a second where it does not."""
        return self.holder is None or self.is_handed_over or await self.holder.committer.has_broker()

    async def exchange(self) -> str:
        """Make another member, and end the holder once that one is connected; why it is not, or empty."""
        async with self._exchanging:
            if self.holder is None or self.is_handed_over:
                return ""  # it is still to join
            self._successor, problem = await connected(self._make)
            if self._successor is not None:
                await self.holder.halt()
            return problem


async def connected(make: Callable[[], Membership]) -> tuple[Membership | None, str]:
    """A member that has not joined yet, once it reached the group's coordinator; or None, and why it could not."""
    try:
        membership = make()
    except KafkaException as error:
        return None, client.kafka_error(error).str()
    problem = await membership.reach()
    if problem:
        await membership.leave(COMMITTED_S)
        return None, problem
    return membership, ""
