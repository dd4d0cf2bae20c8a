"""Is there a broker that speaks to us, and which group protocol would be used?"""

from fanout import client
from fanout.check.row import Result, Row
from fanout.cluster.answers import AskError, Overview, UnreachableError
from fanout.cluster.cluster import Cluster
from fanout.settings import Settings
from fanout.words import counted, some

BROKER = "broker"
PROTOCOL = "group protocol"
_DEFAULT_SESSION_MS = 45_000

# Parts of the client's words, the most telling first -> what was found, what to do.
_CAUSES = (
    (
        "certificate verify failed",
        "the broker's certificate cannot be verified",
        "give the CA that signed it with KAFKA_SSL_CA_LOCATION",
    ),
    (
        "connecting to a PLAINTEXT broker",
        "the broker does not speak TLS at this port",
        "give the port of its TLS listener in ENDPOINT, or correct KAFKA_SECURITY_PROTOCOL",
    ),
    ("SSL handshake failed", "the TLS handshake failed", "look at KAFKA_SECURITY_PROTOCOL and KAFKA_SSL_*"),
    (
        "Unsupported SASL mechanism",
        "the broker does not take this SASL mechanism",
        "set KAFKA_SASL_MECHANISM to one that it names",
    ),
    (
        "not valid in current SASL state",
        "the broker asks for no credentials at this port",
        "give the port of its SASL listener in ENDPOINT, or correct KAFKA_SECURITY_PROTOCOL",
    ),
    (
        "Authentication failed",
        "the broker refuses the credentials",
        "correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD_FILE",
    ),
    ("SASL", "the authentication failed", "look at KAFKA_SASL_*"),
    ("Failed to resolve", "the host name is not known", "correct ENDPOINT, or look at the name service"),
    ("Connection refused", "nothing listens there", "correct ENDPOINT, or start the broker"),
    (
        "Connection setup timed out",
        "the address does not answer",
        "correct ENDPOINT, or look at firewalls",
    ),
    (
        "connection closed by peer",
        "the broker closes the connection at once",
        "set KAFKA_SECURITY_PROTOCOL to that of the listener: SSL, SASL_SSL or SASL_PLAINTEXT",
    ),
)


def unreachable(settings: Settings, error: UnreachableError) -> Row:
    """The row for a cluster that could not be spoken to: bad address, TLS and credentials told apart."""
    for part, found, todo in _CAUSES:
        for _, text in reversed(error.causes):
            if part in text:
                return Row(BROKER, Result.FAILED, f"{settings.endpoint}: {found} ({text})", todo)
    return Row(
        BROKER,
        Result.FAILED,
        f"{settings.endpoint}: no answer",
        "look at ENDPOINT and KAFKA_SECURITY_PROTOCOL, and whether the broker runs",
    )


def reached(overview: Overview) -> Row:
    """The row for a cluster that answered."""
    brokers = f"{counted(len(overview.brokers), 'broker')}: {some(overview.brokers, 3)}"
    return Row(BROKER, Result.OK, f"cluster {overview.cluster_id}, {brokers}")


def protocol(settings: Settings, cluster: Cluster) -> list[Row]:
    """Whether the broker serves the protocol that would be used, and whether the time-outs fit. Raises AskError."""
    chosen = cluster.protocol()
    try:
        config = cluster.broker_config()
    except AskError as error:
        found = f"{chosen}; what the broker serves is not known: {error}"
        todo = "the right DESCRIBE_CONFIGS on the cluster would let auto choose the newer protocol"
        return [Row(PROTOCOL, Result.UNKNOWN if chosen == "consumer" else Result.OK, found, todo)]
    offered = config.get("group.coordinator.rebalance.protocols", "classic")
    if chosen not in offered.split(","):
        return [Row(PROTOCOL, Result.FAILED, f"{chosen}, but the broker serves {offered}", "set GROUP_PROTOCOL=auto")]
    how = "chosen by auto" if settings.group_protocol == "auto" else "as set"
    fault = _session_fault(settings, chosen, config)
    if fault:
        return [Row(PROTOCOL, Result.FAILED, *fault)]
    return [Row(PROTOCOL, Result.OK, f"{chosen} ({how}; the broker serves {offered})")]


def _session_fault(settings: Settings, chosen: client.Protocol, config: dict[str, str]) -> tuple[str, str] | None:
    """What is wrong between our time-outs and the broker's, and what to do."""
    if chosen == "consumer":
        session = int(config.get("group.consumer.session.timeout.ms", _DEFAULT_SESSION_MS))
        if settings.lease_ms >= session:
            found = f"LEASE_MS is {settings.lease_ms}, the broker's session time-out {session} ms"
            return found, "set LEASE_MS below it: or workers would go on after another replica took over"
        return None
    session = client.session_timeout_ms(settings)
    least = int(config.get("group.min.session.timeout.ms", 0))
    most = int(config.get("group.max.session.timeout.ms", session))
    if not least <= session <= most:
        found = f"session.timeout.ms is {session}, the broker takes {least} to {most}"
        return found, "set KAFKA_CONSUMER_SESSION_TIMEOUT_MS within that"
    return None
