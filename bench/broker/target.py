"""Which cluster is measured on: a local broker that is started for it, or the user's own."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from confluent_kafka.admin import AdminClient

from bench.broker.cluster import LocalKafka
from bench.broker.own import Cluster, OwnKafka, OwnKafkaError, Say
from fanout.config import load
from fanout.config.properties import is_credential
from fanout.errors import SettingsError

LOCAL_TOLD = "local broker"
ANSWER_S = 10.0
VARIABLES = "KAFKA_"
# Besides credentials: properties that say how to get in. All others would change what is measured.
WAYS_IN = {"security.protocol", "client.dns.lookup", "broker.address.family", "enable.ssl.certificate.verification"}
# Settings of events-fanout with which it would read, write or create what does not begin with the prefix.
ASTRAY = ("ENDPOINT", "TOPIC", "GROUPID", "TOPIC_TEMPLATE", "NAMESPACE_PATH", "SPLIT_CLUSTER_SCOPED", "DLQ_TOPIC")


@dataclass(frozen=True)
class Target:
    """The one place that knows it. Without `bootstrap` it is a local broker; the rest is of the user's cluster alone.

    `client` are properties of librdkafka that a client needs to get in, `environment` the KAFKA_* variables that say
    the same to events-fanout; `say` gets what the user has to know while it is used.
    """

    bootstrap: str = ""
    client: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    say: Say = print

    @property
    def is_local(self) -> bool:
        """Whether a broker is started for it."""
        return not self.bootstrap

    def told(self) -> str:
        """What a result says of it. Asks the user's cluster: blocks for 10 s at most, and raises KafkaException."""
        if self.is_local:
            return LOCAL_TOLD
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 3, **self.client})
        count = len(admin.list_topics(timeout=ANSWER_S).brokers)
        return f"{self.bootstrap}, {count} broker{'s' * (count != 1)}, topics with its default replication"

    def open(self, config: Mapping[str, str], settings: Iterable[str] = ()) -> AbstractContextManager[Cluster]:
        """The cluster, for one measurement; `config` is a local broker's, `settings` names those of events-fanout.

        Raises OwnKafkaError if one of these would lead it away from what is made for the measurement.
        """
        if self.is_local:
            return LocalKafka(config=config)
        if astray := sorted({name for name in settings if name.removesuffix("_FILE") in ASTRAY}):
            raise OwnKafkaError(
                f"{', '.join(astray)}: not on {self.bootstrap}, for events-fanout would use topics there that are not "
                "made for the measurement"
            )
        return OwnKafka(self.bootstrap, self.client, self.environment, self.say)


LOCAL = Target()


def target_of(bootstrap: str, environ: Mapping[str, str], say: Say) -> Target:
    """The user's cluster at this address. The KAFKA_* variables of the environment say how to get in.

    Raises SettingsError with what is wrong with them, and for those that say anything else.
    """
    given = {name: value for name, value in environ.items() if name.startswith(VARIABLES) and value}
    loaded = load(given, {"endpoint": bootstrap, "topic": "none"})
    client = {name: value for name, value in loaded.settings.kafka.items() if is_credential(name) or name in WAYS_IN}
    others = {name: origin for name, origin in loaded.origins.items() if name.startswith("kafka")}
    others = {name: origin for name, origin in others.items() if name.removeprefix("kafka.") not in client}
    if others:
        raise SettingsError(
            [
                f"{origin}: it says more than how to get in, and would be measured without standing in the result; "
                "unset it, and give it with --set"
                for origin in others.values()
            ]
        )
    environment = {name: value for name, value in given.items() if name not in loaded.ignored}
    return Target(bootstrap, client, environment, say)
