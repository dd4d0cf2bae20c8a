import msgspec
import pytest

from fanout import link
from fanout.errors import FailureKind
from tests.unit.fakes import settings

START = link.Start(
    settings(topic_config={"retention.ms": "5"}, namespaces_deny=("kube-*",), kafka={"sasl.password": 'a"\n\u2028é'}),
    {0: -2, 7: 2**40},
    1_048_588,
    lease_until=123.456,
)


@pytest.mark.parametrize("message", [START, link.Lease(1.5), link.Stop(2.5)])
def test_what_the_supervisor_says_is_understood(message: link.Down) -> None:
    frame = link.encode(message)
    assert frame.endswith(b"\n")
    assert frame.count(b"\n") == 1, "one frame on a line, whatever is in it"
    assert link.decode_down(frame) == message


@pytest.mark.parametrize(
    "message",
    [link.Delivered({3: 9}, {"delivered": 1}, 2, 3), link.Beat(), link.Failed(FailureKind.CLIENT_FATAL, "a\nb")],
)
def test_what_the_worker_says_is_understood(message: link.Up) -> None:
    frame = link.encode(message)
    assert frame.count(b"\n") == 1
    assert link.decode_up(frame) == message


@pytest.mark.parametrize("frame", [b"", b"{}", b'{"type":"Unknown"}', link.encode(link.Lease(1.0)), b'{"type":"Beat"'])
def test_what_the_other_side_cannot_say_is_an_error(frame: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        link.decode_up(frame)
