"""Records of the source, ordinary and odd, for the model of a worker."""

from hypothesis import strategies as st

from fanout.errors import Reason
from tests.models.kafka_parts import LARGE, Spec
from tests.models.virtual import WALL_MS
from tests.unit.fakes import event

TOPICS = ("a", "b", "c")

topics = st.sampled_from(TOPICS)
ordinary = st.builds(lambda topic, n: Spec(event(topic, n=n), topic=topic), topics, st.integers(0, 10**6))
odd = st.one_of(
    topics.map(lambda topic: Spec(event(topic), topic=topic)),  # there are several that are alike
    topics.map(lambda topic: Spec(event(topic, pad="x" * LARGE), topic=topic)),
    topics.map(lambda topic: Spec(event(topic), key=None, topic=topic)),
    topics.map(lambda topic: Spec(event(topic), key=b"", topic=topic, poison=True)),
    topics.map(lambda topic: Spec(event(topic), topic=topic, unreadable=True)),
    topics.map(lambda topic: Spec(event(topic), topic=topic, timestamp=(1, WALL_MS + 7_200_000))),
    topics.map(lambda topic: Spec(event(topic), topic=topic, timestamp=(1, 0))),
    topics.map(lambda topic: Spec(event(topic), topic=topic, timestamp=(0, -1))),
    st.sampled_from([
        Spec(b"{", reason=Reason.NOT_JSON), Spec(None, reason=Reason.NOT_JSON), Spec(b"{}", reason=Reason.NO_NAMESPACE),
        Spec(event("_x"), reason=Reason.RESERVED_TOPIC), Spec(event("x y"), reason=Reason.BAD_NAMESPACE),
        Spec(event("unwanted"), skipped=True),
    ]),
)  # fmt: skip
specs = st.lists(ordinary | ordinary | odd, min_size=1, max_size=8)
