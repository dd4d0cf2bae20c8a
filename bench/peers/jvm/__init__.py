"""What the peers in Java share: their jars, how they are compiled and started, and the class that reads an event."""

from pathlib import Path

from bench.broker.jars import FetchFailedError, digest, fetch_jars, made_once, tool
from bench.peers.peer import BuildFailedError, Job, Started, built, run_build

FOLDER = Path(__file__).parent
POM = FOLDER / "pom.xml"
NAMESPACE = FOLDER / "Namespace.java"
RELEASE = "17"  # of Java: the oldest that a broker runs on, and the peers as well
JVM = ["-XX:+UseParallelGC", "-Xms512m", "-Xmx512m"]
QUIET = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"  # at "info" Kafka's clients print all of their settings

# For the `tuned` of each. "It" is Confluent's guide "Optimize Clients for Throughput".
TUNED = {
    "batch.size": "64 KiB in place of 16; not the 100 000 bytes and more that it says: each destination has a buffer",
    "linger.ms": "100, the most that it advises: no batch is sent half empty while more comes for it",
    "buffer.memory": "128 MiB, as it advises for many partitions: twice what 1 000 destinations take at once",
    "compression.type": "none, its default, as ours",
    "max.partition.fetch.bytes": "8 MiB in place of 1, for larger rounds, as franz-go's",
    "max.poll.records": "10 000 in place of 500 (Streams: 1 000), for the same",
    "check.crcs": "off, as Kafka's documentation allows for extreme performance: ours does not check them either",
    "-XX:+UseParallelGC": "Java's collector for throughput: G1, its default, took more CPU turn by turn; to it a fetch "
    "of 8 MiB is humongous in a small heap",
    "-Xms512m -Xmx512m": "as small as leaves room for the batches of 1 000 destinations, and never resized",
}


def jars() -> Path:
    """The class path of these peers: see `fetch_jars`."""
    return fetch_jars(POM, "peers-jvm")


def build_java(name: str, source: Path) -> None:
    """Compile a program of one file and `Namespace` into the cache, unless that is done.

    Blocks, for a minute or so the first time. Raises FileNotFoundError without a JDK or Maven, BuildFailedError.
    """
    compiler = tool("javac", f"openjdk-{RELEASE}-jdk-headless")
    try:
        path = f"{jars()}/*"
    except FetchFailedError as error:
        raise BuildFailedError(f"the peer {name} could not be built: {error}") from error
    command = [compiler, "--release", RELEASE, "-cp", path, str(source), str(NAMESPACE)]
    made_once(_classes(name, source), lambda folder: run_build(name, [*command, "-d", str(folder)], FOLDER))


def start_java(name: str, source: Path, job: Job) -> Started:
    """How to start what `build_java` has made: its arguments are bootstrap servers, topic and group."""
    java = tool("java", f"openjdk-{RELEASE}-jre-headless")
    path = f"{_classes(name, source)}:{jars()}/*"
    return Started([java, *JVM, QUIET, "-cp", path, source.stem, job.bootstrap, job.topic, job.group])


def _classes(name: str, source: Path) -> Path:
    """A folder of its own for each state of what is compiled: all checkouts share the cache."""
    return built(f"{name}-{digest(source, NAMESPACE, POM)}")
