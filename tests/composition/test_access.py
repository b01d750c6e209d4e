"""What the configuration says of resources."""

from __future__ import annotations

import base64

from hookflash.composition.access import ConfiguredResources
from hookflash.config import parse

FIRST, SECOND = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def configured(text: str) -> ConfiguredResources:
    settings = parse(text)
    return ConfiguredResources(lambda: settings)


def resource(name: str, guid: str, more: str = "") -> str:
    key = base64.b64encode(f"a key of {name}, for tests, not secret".encode()).decode()
    return f'[[resource]]\nname = "{name}"\nid = "{guid}"\naccess_keys = ["{key}"]\n{more}\n'


def test_resources_are_known_by_their_guid():
    both = configured(resource("red", FIRST) + resource("blue", SECOND, "playback_marks = true"))
    assert both.first() == FIRST
    assert [both.name(guid) for guid in (FIRST, SECOND, "unknown")] == ["red", "blue", "unknown"]
    assert [both.marks(guid) for guid in (FIRST, SECOND, "unknown")] == [False, True, False]


def test_what_is_read_anew_counts_at_once():
    now = [parse(resource("red", FIRST))]
    resources = ConfiguredResources(lambda: now[-1])
    assert not resources.marks(FIRST)
    now.append(parse(resource("crimson", FIRST, "playback_marks = true")))
    assert (resources.name(FIRST), resources.marks(FIRST)) == ("crimson", True)
