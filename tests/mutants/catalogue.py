"""The mutants: small changes of the program, each of which breaks a promise, and the tests that have to notice."""

from typing import NamedTuple

_UNIT = "tests/unit"
_WORKER = "tests/mutants/test_worker.py"
_SUPERVISOR = "tests/mutants/test_supervisor.py"
_GROUP_TURNS = "tests/models/test_group_turns.py"
_GROUP_MODEL = "tests/models/test_group_model.py::TestGroup::runTest"


class Mutant(NamedTuple):
    """One change of one file. `old` must be in it exactly once."""

    fault: str  # what it breaks; one of FAULTS
    where: str
    path: str
    old: str
    new: str
    killers: tuple[str, ...]  # tests that must fail with it, each of them

    @property
    def name(self) -> str:
        """What it is called in tables and on the command line."""
        return f"{self.fault}: {self.where}"


FAULTS = (
    "commit before acknowledge",
    "commit the highest offset",
    "commit after lost",
    "dead letter not awaited",
    "route by involvedObject",
    "fork instead of exec",
    "ignore a delivery error",
    "drop the key",
    "reuse a producer",
    "no bound in flight",
    "a zombie starts workers",
    "stand still for good",
)

# The whole of what exec does for us: a worker that is a copy of its supervisor, with its threads missing.
_EXEC = """\
            process = await asyncio.create_subprocess_exec(
                *command(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                env=_environment(os.environ),
            )
"""
_FORK = """\
            import functools, importlib, types
            if not (pid := os.fork()):
                importlib.import_module("fanout.worker.main").main(theirs.fileno())
            reap = functools.cache(lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            process = types.SimpleNamespace(
                pid=pid, wait=functools.partial(asyncio.to_thread, reap), send_signal=functools.partial(os.kill, pid)
            )
"""

MUTANTS = (
    Mutant(
        "commit before acknowledge", "a producer's epoch is over when it is polled",
        "fanout/worker/shard.py",
        "if not self._windows or len(self._producer):",
        "if not self._windows:",
        (f"{_UNIT}/test_sink.py::test_an_epoch_settles_only_when_nothing_is_outstanding",),
    ),
    Mutant(
        "commit before acknowledge", "what was read is committable",
        "fanout/worker/offsets.py",
        "while windows and windows[0].done:",
        "while windows:",
        (f"{_UNIT}/test_offsets.py::test_only_the_contiguous_prefix_is_committable_whatever_the_order_of_acknowledgements",),
    ),
    Mutant(
        "commit before acknowledge", "a record that is sent again is done when it is sent",
        "fanout/worker/redelivery.py",
        "        if not alone.finished:\n            return False\n",
        "",
        (f"{_WORKER}::test_what_is_sent_again_is_done_when_it_is_acknowledged_and_not_before",),
    ),
    Mutant(
        "commit the highest offset", "gaps are passed over",
        "fanout/worker/offsets.py",
        "        while windows and windows[0].done:\n            window = windows.popleft()\n",
        "        for window in [window for window in windows if window.done]:\n            windows.remove(window)\n",
        (f"{_UNIT}/test_offsets.py::test_only_the_contiguous_prefix_is_committable_whatever_the_order_of_acknowledgements",),
    ),
    Mutant(
        "commit after lost", "the supervisor keeps what it knew of a lost partition",
        "fanout/supervisor/app.py",
        "        self._pool.drop(partitions)\n        self._commits.disown(partitions)\n",
        "        self._pool.drop(partitions)\n",
        (f"{_SUPERVISOR}::test_what_a_lost_partition_had_delivered_is_never_committed",),
    ),
    Mutant(
        "commit after lost", "nothing is forgotten",
        "fanout/supervisor/commits.py",
        "self._owned.pop(partition, None)",
        "self._owned.get(partition, None)",
        (f"{_UNIT}/test_committer.py::test_what_was_lost_is_committed_neither_when_due_nor_in_doubt_nor_at_the_end",),
    ),
    Mutant(
        "commit after lost", "a worker of before is heard after it",
        "fanout/supervisor/commits.py",
        "owned is not None and owned is ownership.get(partition) and",
        "owned is not None and",
        (f"{_UNIT}/test_commits.py::test_a_worker_of_an_ownership_that_has_ended_is_not_heard",),
    ),
    Mutant(
        "dead letter not awaited", "a letter is of no window",
        "fanout/worker/deadletter.py",
        "self._sink.send(self._destination, [letter], window)",
        "self._sink.send(self._destination, [letter], Window(0, 0, 0))",
        (f"{_UNIT}/test_sink.py::test_dead_letters_have_a_producer_of_their_own",),
    ),
    Mutant(
        "route by involvedObject", "of an event inside an envelope",
        "fanout/worker/envelope.py",
        "class _Event(msgspec.Struct, gc=False):\n    metadata: _Metadata | None = None\n",
        'class _Event(msgspec.Struct, gc=False, rename={"involved": "involvedObject"}):\n'
        "    metadata: _Metadata | None = None\n"
        "    involved: _Metadata | None = None\n\n"
        "    def __post_init__(self) -> None:\n"
        "        if self.involved is not None and self.involved.namespace:\n"
        "            self.metadata = self.involved\n",
        (f"{_UNIT}/test_envelope.py::test_the_namespace_is_the_events_own_in_every_shape",),
    ),
    Mutant(
        "fork instead of exec", "a worker is a copy of its supervisor",
        "fanout/supervisor/process.py",
        _EXEC,
        _FORK,
        (f"{_SUPERVISOR}::test_a_worker_is_a_program_of_its_own_and_not_a_copy_of_its_supervisor",),
    ),
    Mutant(
        "ignore a delivery error", "of a record that was sent with others",
        "fanout/worker/shard.py",
        "        if error is None:\n            return\n",
        "        return\n",
        (f"{_UNIT}/test_sink.py::test_a_failed_record_keeps_its_window_open_and_holds_its_destination",),
    ),
    Mutant(
        "ignore a delivery error", "of a record that was sent alone",
        "fanout/worker/hold.py",
        "self.error = error",
        "self.error = None",
        (f"{_UNIT}/test_redelivery.py::test_only_the_record_that_fails_alone_becomes_a_dead_letter",),
    ),
    Mutant(
        "ignore a delivery error", "that the client tells at once",
        "fanout/worker/shard.py",
        "        self._fail(Failure(destination, *refused_at_once(record, error, window)))\n",
        "        del destination, record, window, error\n",
        (f"{_UNIT}/test_sink.py::test_a_full_queue_of_the_client_loses_nothing",),
    ),
    Mutant(
        "drop the key", "of a record that is sent with others",
        "fanout/worker/shard.py",
        "produce(topic, value, key, -1,",
        "produce(topic, value, None, -1,",
        (f"{_UNIT}/test_sink.py::test_value_key_timestamp_and_headers_are_handed_over_as_they_are",),
    ),
    Mutant(
        "drop the key", "of a record that was held",
        "fanout/worker/shard.py",
        "produce(destination.name, record.value(), record.key(), -1,",
        "produce(destination.name, record.value(), None, -1,",
        (f"{_WORKER}::test_a_record_has_its_key_whichever_way_it_goes",),
    ),
    Mutant(
        "drop the key", "of a record that is sent alone",
        "fanout/worker/redelivery.py",
        "destination.name, record.value(), record.key(), -1,",
        "destination.name, record.value(), None, -1,",
        (f"{_WORKER}::test_a_record_has_its_key_whichever_way_it_goes",),
    ),
    Mutant(
        "drop the key", "of a dead letter",
        "fanout/worker/deadletter.py",
        "return self._record.key()",
        "return None",
        (f"{_WORKER}::test_a_record_has_its_key_whichever_way_it_goes",),
    ),
    Mutant(
        "reuse a producer", "one that is broken for good, after a batch",
        "fanout/worker/redelivery.py",
        "                    raise WorkerFailureError(FailureKind.CLIENT_FATAL, failure.cause.str())\n",
        "                    continue\n",
        (f"{_UNIT}/test_redelivery.py::test_a_client_that_is_broken_for_good_stops_the_worker",),
    ),
    Mutant(
        "reuse a producer", "one that is broken for good, after a record alone",
        "fanout/worker/redelivery.py",
        "            raise WorkerFailureError(FailureKind.CLIENT_FATAL, error.str())\n",
        "            fault = Fault.PASSING\n",
        (f"{_WORKER}::test_a_client_that_breaks_for_good_on_a_record_alone_stops_the_worker",),
    ),
    Mutant(
        "reuse a producer", "one for all shards, and for those that are opened anew",
        "fanout/worker/sink.py",
        "        return Shard(self._made, self._make_producer(), self._failed)\n",
        '        self._kept = getattr(self, "_kept", None) or self._make_producer()\n'
        "        return Shard(self._made, self._kept, self._failed)\n",
        (
            f"{_UNIT}/test_sink.py::test_dead_letters_have_a_producer_of_their_own",
            f"{_WORKER}::test_a_destination_that_comes_back_after_its_producer_was_closed_has_a_new_one",
        ),
    ),
    Mutant(
        "no bound in flight", "in records",
        "fanout/worker/loop.py",
        "records = min(self._settings.inflight_records, worthwhile) - self.records",
        "records = min(self._settings.inflight_records, worthwhile)",
        (f"{_UNIT}/test_loop.py::test_no_more_is_read_than_the_bound_on_records_allows",),
    ),
    Mutant(
        "no bound in flight", "in bytes",
        "fanout/worker/loop.py",
        "nbytes = self._settings.inflight_bytes - self.nbytes",
        "nbytes = self._settings.inflight_bytes",
        (f"{_UNIT}/test_loop.py::test_no_more_is_read_than_the_bound_on_bytes_allows",),
    ),
    Mutant(
        "a zombie starts workers", "it does not notice that it was stopped",
        "fanout/supervisor/certainty.py",
        "            self._doubts += 1\n            self._event.clear()\n",
        "            self._doubts += 1\n",
        (_GROUP_MODEL,),
    ),
    Mutant(
        "a zombie starts workers", "it was stopped between the decision and the start",
        "fanout/supervisor/app.py",
        "        if not self._note_gap():\n",
        "        if False:\n",
        (f"{_GROUP_TURNS}::test_no_worker_is_replaced_for_a_partition_that_went_while_it_was_to_be",),
    ),
    Mutant(
        "a zombie starts workers", "an assignment of before the stop confirms after it",
        "fanout/supervisor/app.py",
        "        self._commits.own(offsets)\n",
        "        self._commits.own(offsets)\n        self._ownership.confirm(self._ownership.doubt)\n",
        (f"{_GROUP_TURNS}::test_a_hand_over_that_was_begun_before_the_stop_starts_nothing_after_it",),
    ),
    Mutant(
        "a zombie starts workers", "a commit of an older doubt ends the present one",
        "fanout/supervisor/certainty.py",
        "        if doubt == self._doubts:\n",
        "        if doubt:\n",
        (f"{_UNIT}/test_certainty.py::test_what_confirms_an_older_doubt_says_nothing_of_a_later_one",),
    ),
    Mutant(
        "a zombie starts workers", "a commit that was refused confirms that it is a member",
        "fanout/supervisor/committer.py",
        "if taken and self._confirming:",
        "if self._confirming:",
        (_GROUP_MODEL,),
    ),
    Mutant(
        "stand still for good", "a client that has forgotten all brokers is left as it is",
        "fanout/worker/stranded.py",
        "            self._found = self.look()\n",
        "            self.look()\n",
        (f"{_UNIT}/test_stranded.py::test_what_was_found_ends_the_worker",),
    ),
    Mutant(
        "stand still for good", "a member whose client has forgotten all brokers keeps its seat",
        "fanout/supervisor/lifeline.py",
        "(self.holds or await self._seat.has_broker())",
        "True",
        (f"{_UNIT}/test_lifeline.py::test_a_member_whose_client_knows_no_broker_is_exchanged_once_cut_off",),
    ),
)  # fmt: skip
