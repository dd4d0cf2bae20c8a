"""The rights of docs/security.md: they are enough, and without any one of them the program says which is missing."""

import contextlib
import re
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AclOperation

from bench.program import Program
from tests.security.rights import (
    CLUSTER,
    DEAD_LETTERS,
    DESTINATIONS,
    GROUP,
    RIGHTS,
    SOURCE,
    Right,
    grant,
    names_of,
    take_away,
)
from tests.security.watching import wait_for_words
from tests.security.ways import Secured, program
from tests.support import samples
from tests.support.comparing import assert_complete, wait_caught_up
from tests.support.topics import Record, produce, read_all

NAMESPACE = "a"
POISON = Record(b"no JSON", partition=0)

# What has to stand in one line of the log, by the right that is missing: operation and resource.
WORDS = {
    (SOURCE, AclOperation.READ): '"group not served".*"grant READ on the topic {source}"',
    (
        SOURCE,
        AclOperation.DESCRIBE_CONFIGS,
    ): '"limits of the source not known.*grant DESCRIBE_CONFIGS on the topic {source}"',
    (GROUP, AclOperation.READ): '"group not served".*"grant READ on the group {group}"',
    (DESTINATIONS, AclOperation.CREATE): '"not authorized".*"topic":"{destinations}a","operation":"create"',
    (DESTINATIONS, AclOperation.WRITE): '"not authorized".*"topic":"{destinations}a","operation":"write"',
    (
        DESTINATIONS,
        AclOperation.DESCRIBE_CONFIGS,
    ): '"topic configuration unknown".*"{destinations}a".*authorization failed',
    (DEAD_LETTERS, AclOperation.CREATE): '"worker failed".*not authorized to create the topic {dead letters}:',
    (DEAD_LETTERS, AclOperation.WRITE): '"worker failed".*not authorized to write the topic {dead letters}:',
    (
        DEAD_LETTERS,
        AclOperation.DESCRIBE_CONFIGS,
    ): '"topic configuration unknown".*"{dead letters}".*authorization failed',
    (CLUSTER, AclOperation.DESCRIBE_CONFIGS): '"joining".*"classic".*"[^"]*grant DESCRIBE_CONFIGS on the cluster"',
}


# The same for rights that are taken away from a program that runs: there the worker notices first.
TAKEN_AWAY = {
    (SOURCE, AclOperation.READ): '"worker failed".*not authorized to read {source}:',
    (DESTINATIONS, AclOperation.WRITE): WORDS[DESTINATIONS, AclOperation.WRITE],
}


def filled_in(words: str, names: dict[str, str]) -> str:
    return words.format_map({on: re.escape(name) for on, name in names.items()})


def user_without(right: Right) -> str:
    return "no-" + right.name.lower().replace(" ", "-").replace("_", "-")


@pytest.fixture(scope="module")
def lacking(secured: Secured) -> Iterator[dict[Right, Program]]:
    """A program for each right, with all the others, all at once: most of the time of these tests is waiting."""
    plain = secured.kafka.bootstrap
    for right in RIGHTS:
        names = names_of(user_without(right))
        secured.kafka.create_topic(names[SOURCE], partitions=1)
        produce(plain, names[SOURCE], [*samples.events([NAMESPACE], 20), POISON])
        grant(plain, user_without(right), names, set(RIGHTS) - {right})
    with contextlib.ExitStack() as stack:
        yield {
            right: stack.enter_context(program(secured.with_certificate(user), user))
            for right in RIGHTS
            for user in [user_without(right)]
        }


@pytest.mark.parametrize("right", RIGHTS, ids=lambda right: right.name)
def test_a_right_that_is_missing_is_named_and_once_it_is_granted_nothing_is_lost(
    secured: Secured, lacking: dict[Right, Program], right: Right
) -> None:
    plain, user = secured.kafka.bootstrap, user_without(right)
    names = names_of(user)
    wait_for_words(lacking[right], filled_in(WORDS[right.on, right.operation], names))
    assert lacking[right].exit_code is None
    grant(plain, user, names, [right])
    wait_caught_up(plain, user, names[SOURCE])
    sent = samples.events([NAMESPACE], 20)
    assert_complete(plain, sent, lambda namespace: f"{names[DESTINATIONS]}{namespace}")
    # A worker that stops for want of a right on the dead letters has delivered before; that may come again.
    assert {letter.value for letter in read_all(plain, names[DEAD_LETTERS])} == {POISON.value}
    assert lacking[right].terminate() == 0


def test_rights_that_are_taken_away_while_it_runs_stop_it_and_given_back_they_let_it_go_on(
    secured: Secured, prefix: str
) -> None:
    plain, names = secured.kafka.bootstrap, names_of(prefix)
    secured.kafka.create_topic(names[SOURCE], partitions=1)
    grant(plain, prefix, names, RIGHTS)
    sent = samples.events([NAMESPACE], 20)
    produce(plain, names[SOURCE], sent)
    with program(secured.with_certificate(prefix), prefix) as running:
        wait_caught_up(plain, prefix, names[SOURCE])
        for number, (what, words) in enumerate(TAKEN_AWAY.items(), start=1):
            [right] = [right for right in RIGHTS if (right.on, right.operation) == what]
            take_away(plain, prefix, names, [right])
            more = samples.events([NAMESPACE], 20, start=20 * number)
            produce(plain, names[SOURCE], more)
            wait_for_words(running, filled_in(words, names))
            grant(plain, prefix, names, [right])
            wait_caught_up(plain, prefix, names[SOURCE])
            sent += more
        assert running.terminate() == 0
    assert_complete(plain, sent, lambda namespace: f"{names[DESTINATIONS]}{namespace}")
