"""What to do about each line of the log that is a warning or worse, by its message; docs/runbook.md has more of each.

Advice that depends on the case is given where the line is written, as `advice=`, and not here.
"""

_ANEW = "nothing, if somebody made the topic anew on purpose; else find out who did: what was unread in it is gone"
_STOOD_STILL = "look for CPU throttling, swap or a suspended machine: the supervisor stood still for that long"
_LEADER = "nothing, once; if it goes on, look at the broker that leads the partition"

ADVICE = {
    # The workers, as the supervisor sees them.
    "a worker speaks nonsense: killing it": "nothing, once; if it comes again, report it with this line",
    "worker did not stop by its deadline: killing it": "look at the broker, or raise DRAIN_TIMEOUT_MS and "
    "STOP_TIMEOUT_MS; what it had not delivered is delivered again",
    "worker is silent: its stacks follow, then it is replaced": "nothing, once; if it comes again, give the container "
    "more CPU, and if that does not help, report the stacks",
    "worker not started, trying again": "look at the memory and the limit of processes of the container",
    "worker failed": "do what its reason says, and see its kind in docs/runbook.md; it is tried again by itself",
    "worker died": "nothing, once; if it comes again, see its exit code in docs/runbook.md: "
    "-9 is mostly a lack of memory",
    "giving up": "see why the worker died; this program ends, and whoever started it has to start it again",
    # The supervisor itself.
    "the supervisor broke": "report it with its stack trace; this program ends, and has to be started again",
    "the supervisor did not run; workers start again when the group confirms": _STOOD_STILL,
    "the supervisor has not renewed the lease: stopping at once": _STOOD_STILL,
    "told to stop again: cutting the deadline short": "nothing: what is not delivered by then is delivered again",
    "stopped with records that are not known to be delivered: they are delivered again": "nothing, once; if it comes "
    "at each stop, raise STOP_TIMEOUT_MS, and the time that the program is given to stop",
    "a setting cannot be used": "correct it: `events-fanout config` shows each with its origin; this program has ended",
    # HTTP, and what it tells.
    "the lag could not be looked at": "report it with its stack trace; delivery does not depend on it",
    "a report could not be counted": "restart the replica if it was upgraded while it ran; delivery goes on",
    "the state could not be looked at": "report it with its stack trace; delivery does not depend on it",
    "a request could not be answered": "report it with its stack trace; the data path does not depend on it",
    "the status could not be told to those who listen": "report it with its stack trace; the page asks again by itself",
    # Dead letters: one line for each reason, with `repeated` how many more.
    "an event became a dead letter": "read it in the dead-letter topic, and see its reason in docs/runbook.md; all "
    "other events go on",
    # The group.
    "membership broken, joining anew": "nothing, once; if it comes again, look at the brokers and at this error",
    "partitions lost: another replica has them": "see why this replica did not answer its group: CPU throttling, "
    "the network, or a coordinator that was away",
    "left the group without a goodbye": "nothing: after its session time-out the group gives its partitions to others",
    "the group does not answer this member, and would answer others: another takes its seat": "nothing, once; if it "
    "comes again, look at the broker that coordinates the group",
    "no other member could be connected, trying again": "look at the broker and at this error; nothing new is read "
    "until it is mended",
    "committed offsets not known, asking again": "look at the broker that coordinates the group; no worker starts "
    "before it answers",
    "commit failed, kept for later": "nothing, once; if it goes on, look at the broker that coordinates the group, and "
    "grant READ on the group",
    "commit not taken; what it said may be delivered again": "nothing: readers may see some events twice",
    # The source.
    "source topic was made anew: reading it from the start": _ANEW,
    "source topic was made anew since the last commit: reading it from the start": _ANEW,
    "source made anew: reading it from the start": _ANEW,
    "the source is looked at with the credentials of before": "nothing, while the files are being changed; else see "
    "whether certificate and key belong together",
    "beginning not known": _LEADER,
    "watermarks not known, trying again": _LEADER,
    "source not readable, trying again": _LEADER,
    # The broker and the destinations.
    "broker not reachable, waiting for it": "look at ENDPOINT and at the broker; where it refuses us, at "
    "KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_* and KAFKA_SSL_*",
    "client error": "nothing, once; if it goes on, look at the broker that it names, and at the network in between",
    "delivery failed, sending again": "nothing, once; if it goes on, look at the broker that leads this topic",
    "topics not listed": "look at the broker; until it answers, TOPICS_MAX counts the topics that were known before",
    "topic not created yet": "look at this error; it is tried again, and what is not created in "
    "TOPIC_CREATE_TIMEOUT_MS stops the worker: nothing is skipped",
    # KafkaTopics.
    "KafkaTopics of somebody else are left alone": "nothing, if they are meant to be; else delete the other KafkaTopic "
    "with strimzi.io/managed: false on it, or its topic goes, too",
    "KafkaTopics say what is not so, and somebody else wrote it": "see in its status what the Topic Operator says, "
    "and take the change back or mend what keeps it from being done",
    "KafkaTopics were refused by the API server": "see what it says; a policy of the cluster may ask for something",
    "destinations without a KafkaTopic: they may not be looked at": "grant DESCRIBE and DESCRIBE_CONFIGS on them, and "
    "without a prefix in TOPIC_TEMPLATE READ",
    "KafkaTopics without a topic: the Topic Operator creates it anew": "delete a topic by deleting its KafkaTopic: "
    "docs/commands.md, KafkaTopics",
    "no pass over the KafkaTopics for too long: giving up": "do what the error says; this program ends, and is started "
    "again by Kubernetes",
    "destination is gone, creating it again": "find out who deleted it; what was in it is gone, what comes is "
    "delivered",
}  # fmt: skip
