"""What this program knows of the client library's properties: names, secrets, and which would break a promise."""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

# Two names of one property: the second is used, so that a value given under the first replaces our default.
ALIASES = {
    "compression.codec": "compression.type",
    "fetch.message.max.bytes": "max.partition.fetch.bytes",
    "queue.buffering.max.ms": "linger.ms",
    "sasl.mechanisms": "sasl.mechanism",
    "sasl.oauthbearer.client.credentials.client.id": "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.credentials.client.secret": "sasl.oauthbearer.client.secret",
    "log.level": "log_level",  # the one settable property with an underscore; KAFKA_LOG_LEVEL means it
}

# Properties whose own name ends in .file: there the ending _FILE of a variable belongs to the name.
FILE_PROPERTIES = frozenset(
    {
        "sasl.oauthbearer.assertion.file",
        "sasl.oauthbearer.assertion.jwt.template.file",
        "sasl.oauthbearer.assertion.private.key.file",
    }
)

# Files that the client reads once, when it is made. Those of OAUTHBEARER and of Kerberos it reads again by itself.
LOCATIONS = frozenset(
    {
        "ssl.ca.location",
        "ssl.certificate.location",
        "ssl.crl.location",
        "ssl.key.location",
        "ssl.keystore.location",
    }
)

_SECRET = re.compile(r"password|passphrase|secret|token$|key\.pem$|ssl_key|oauthbearer\.config$")
# Written nearly so (sasl.pasword), for another client (sasl.jaas.config), or as part of a command.
_MAY_HOLD_SECRET = re.compile(r"pas+w|pas+ph|pwd|credential|jaas|\.key$|kinit\.cmd$")

_COMMITS = "offsets are committed by this program, and only after delivery"
_LEFT_OUT = "a record that is given up is a record lost: deliveries are retried without end"
_CODE = "it is for programs, not for settings"

# Property or glob -> the values that are allowed after all, and why no other is.
_REFUSED: tuple[tuple[str, frozenset[str], str], ...] = (
    ("bootstrap.servers", frozenset(), "the brokers are given by ENDPOINT"),
    ("metadata.broker.list", frozenset(), "the brokers are given by ENDPOINT"),
    ("group.id", frozenset(), "the group is given by GROUPID"),
    ("group.protocol", frozenset(), "the protocol is given by GROUP_PROTOCOL"),
    ("group.instance.id", frozenset(), "replicas that share a static id fence each other off"),
    ("partition.assignment.strategy", frozenset(), "only cooperative-sticky leaves the other partitions moving"),
    ("enable.auto.commit", frozenset({"false"}), _COMMITS),
    ("auto.commit.enable", frozenset({"false"}), _COMMITS),
    ("auto.commit.interval.ms", frozenset(), f"{_COMMITS}; COMMIT_INTERVAL_MS says how often"),
    ("enable.auto.offset.store", frozenset({"false"}), _COMMITS),
    ("offset.store.*", frozenset(), _COMMITS),
    ("auto.offset.reset", frozenset({"error"}), "records that expired unread are counted and told, never jumped over"),
    ("enable.partition.eof", frozenset({"false"}), "the end of a partition is not an error here"),
    ("acks", frozenset({"all", "-1"}), "an event is delivered when all in-sync replicas have it"),
    ("request.required.acks", frozenset({"all", "-1"}), "an event is delivered when all in-sync replicas have it"),
    ("enable.idempotence", frozenset({"true"}), "without it a retry can duplicate or reorder events"),
    ("enable.gapless.guarantee", frozenset({"false"}), "one refused record would end the producer for all tenants"),
    ("transaction*", frozenset(), "deliveries are not transactional"),
    ("message.timeout.ms", frozenset({"0"}), _LEFT_OUT),
    ("delivery.timeout.ms", frozenset({"0"}), _LEFT_OUT),
    ("message.send.max.retries", frozenset({"2147483647"}), _LEFT_OUT),
    ("retries", frozenset({"2147483647"}), _LEFT_OUT),
    ("max.in.flight", frozenset("12345"), "more than five requests in flight lose the order of events"),
    (
        "max.in.flight.requests.per.connection",
        frozenset("12345"),
        "more than five requests in flight lose the order of events",
    ),
    ("queuing.strategy", frozenset({"fifo"}), "events keep their order"),
    ("queue.buffering.max.messages", frozenset(), "what is in flight is bounded by INFLIGHT_RECORDS"),
    ("queue.buffering.max.kbytes", frozenset(), "what is in flight is bounded by INFLIGHT_BYTES"),
    ("partitioner", frozenset({"murmur2_random"}), "a key stays on the partition where other clients put it"),
    ("delivery.report.only.error", frozenset({"false"}), "each delivery is counted"),
    ("allow.auto.create.topics", frozenset(), "who creates topics is given by TOPIC_CREATE"),
    ("test.*", frozenset(), "a mock cluster keeps nothing"),
    ("*_cb", frozenset(), _CODE),
    ("*.cb", frozenset(), _CODE),
    ("opaque", frozenset(), _CODE),
    ("interceptors", frozenset(), _CODE),
    ("logger", frozenset(), _CODE),
    ("on_delivery", frozenset(), _CODE),
    ("enabled_events", frozenset(), _CODE),
    ("enabled.events", frozenset(), _CODE),
    ("default_topic_conf", frozenset(), _CODE),
    ("default.topic.*", frozenset(), _CODE),
)

# With the protocol `consumer` these are the broker's (group.consumer.*), and the client refuses to start.
_BROKERS_WITH_CONSUMER = frozenset({"session.timeout.ms", "heartbeat.interval.ms"})


def is_secret(name: str) -> bool:
    """True if no output may show the value of this property."""
    return _SECRET.search(name) is not None


def is_credential(name: str) -> bool:
    """True if this property says who we are and whom we trust: it may change while the program runs."""
    return name.startswith(("sasl.", "ssl.")) or is_secret(name)


def shown(name: str, value: str) -> str:
    """The value as it may be shown: `hidden` in place of a secret, and of what may be one under a wrong name."""
    return "hidden" if is_secret(name) or _MAY_HOLD_SECRET.search(name) else value


def refusals(properties: Mapping[str, str], group_protocol: str) -> Iterator[tuple[str, str]]:
    """Yield (property, a phrase that says why and what to do) for each that would break a promise."""
    for name, value in properties.items():
        for pattern, allowed, reason in _REFUSED:
            if fnmatchcase(name, pattern) and value.strip().lower() not in allowed:
                instead = f" or give {', '.join(sorted(allowed))}" if allowed else ""
                yield name, f"cannot be {value!r}: {reason}; remove it{instead}"
                break
        else:
            if group_protocol == "consumer" and name in _BROKERS_WITH_CONSUMER:
                yield (
                    name,
                    "cannot be set with GROUP_PROTOCOL=consumer: it is the broker's there; remove it or use classic",
                )
