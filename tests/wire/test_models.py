"""The one place other rooms import models from."""

from __future__ import annotations

import msgspec

from hookflash.wire import enums, identity, models, requests, responses


def test_every_model_and_enum_is_there() -> None:
    for module in (enums, identity, requests, responses):
        for name, value in vars(module).items():
            if name.startswith("_") or not isinstance(value, type) or value.__module__ != module.__name__:
                continue
            assert getattr(models, name) is value
            assert name in models.__all__


def test_all_is_real_and_without_repeats() -> None:
    assert len(models.__all__) == len(set(models.__all__))
    assert all(hasattr(models, name) for name in models.__all__)


def test_bodies_are_camel_case_and_lean() -> None:
    request = models.HoldRequest(models.CommunicationIdentifierModel(raw_id="4:+1"), operation_context="c")
    assert msgspec.json.encode(request) == b'{"targetParticipant":{"rawId":"4:+1"},"operationContext":"c"}'
