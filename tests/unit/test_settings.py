from typing import Annotated, get_args, get_origin, get_type_hints

import msgspec
import pytest

from fanout.settings import Settings
from tests.unit.fakes import settings

HINTS = get_type_hints(Settings, include_extras=True)


def description(name: str) -> str:
    hint = HINTS[name]
    assert get_origin(hint) is Annotated
    told = [meta.description for meta in get_args(hint)[1:] if isinstance(meta, msgspec.Meta) and meta.description]
    return " ".join(told)


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_every_setting_says_what_it_is(name: str) -> None:
    text = description(name)
    assert len(text) > 15
    assert text.endswith(".")


@pytest.mark.parametrize("name", [name for name in Settings.__struct_fields__ if name.endswith(("_ms", "_s"))])
def test_a_duration_is_a_positive_number(name: str) -> None:
    for wrong in (0, -1):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"endpoint": "h:1", "topic": "t", name: wrong}, Settings)


def test_endpoint_and_topic_are_required_and_the_group_is_the_originals() -> None:
    for given in ({"topic": "t"}, {"endpoint": "h:1"}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(given, Settings)
    assert settings().groupid == "events-fanout"


def test_the_dead_letter_topic_is_named_after_the_source() -> None:
    assert settings().dead_letter_topic == "cluster-events-dlq"
    assert settings(dlq_topic="other").dead_letter_topic == "other"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        settings().topic = "other"  # type: ignore[misc]


def test_the_defaults_are_within_their_own_bounds() -> None:
    given = settings()
    assert msgspec.json.decode(msgspec.json.encode(given), type=Settings) == given
