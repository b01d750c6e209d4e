"""Answers that go with their command, and whose correlation id an answer may tell."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from engine.test_engine import RESOURCE, VERSION, FakeJournal, World

from hookflash.calls.commands import AnswerCall, GetCall
from hookflash.calls.effects import ConnectionOpened
from hookflash.engine import engine as engine_module
from hookflash.ports.journal import KeptAnswer, NotDurable
from hookflash.wire.models import AnswerCallRequest
from hookflash.wire.results import Refusal


class Keeping(FakeJournal):
    """Notes what was written in one act."""

    def __init__(self) -> None:
        super().__init__()
        self.acts: list[tuple[list[str], list[KeptAnswer]]] = []

    def write(self, entries: Any, deliveries: Any, answers: Any = ()) -> Any:
        self.acts.append(([entry.name for entry in entries], list(answers)))
        return super().write(entries, deliveries)


@pytest.fixture
async def world() -> World:
    made = World()
    journal = made.journal = Keeping()
    made.engine._journal = journal
    return made


def keep(response: msgspec.Struct | None) -> KeptAnswer:
    return KeptAnswer("key", "digest", 1.0, 200, msgspec.json.encode(response))


def answering(world: World) -> AnswerCall:
    context = world.edges.raised[-1].data.incoming_call_context
    return AnswerCall(
        RESOURCE, VERSION, AnswerCallRequest(incoming_call_context=context, callback_uri="http://app/cb")
    )


async def test_command_events_and_answer_are_one_act(world: World) -> None:
    world.ring()
    response = await world.engine.execute(answering(world), keep)
    names, answers = world.journal.acts[-1]  # type: ignore[attr-defined]
    assert names[0] == "AnswerCall"
    assert "opened" in names
    assert answers == [keep(response)]


async def test_a_refused_command_and_a_query_keep_nothing(world: World) -> None:
    world.ring()
    command = answering(world)
    connection = (await world.engine.execute(command, keep)).call_connection_id  # type: ignore[union-attr]
    acts = len(world.journal.acts)  # type: ignore[attr-defined]
    with pytest.raises(Refusal):
        await world.engine.execute(command, keep)
    await world.engine.execute(GetCall(RESOURCE, VERSION, connection), keep)
    assert len(world.journal.acts) == acts  # type: ignore[attr-defined]


async def test_the_answer_is_made_even_when_it_cannot_be_written(world: World) -> None:
    world.ring()
    made: list[KeptAnswer] = []

    def note(response: msgspec.Struct | None) -> KeptAnswer:
        made.append(keep(response))
        return made[-1]

    world.journal.failure = NotDurable("disk full")
    with pytest.raises(Refusal) as caught:
        await world.engine.execute(answering(world), note)
    assert caught.value.status == 500
    assert len(made) == 1


async def test_a_correlation_id_is_told_to_its_own_resource_only(world: World) -> None:
    world.ring()
    response: Any = await world.engine.execute(answering(world))
    connection, correlation = response.call_connection_id, response.correlation_id
    assert world.engine.correlation_of(RESOURCE, connection) == correlation
    assert world.engine.correlation_of(RESOURCE, connection.upper()) == correlation
    assert world.engine.correlation_of("another", connection) is None
    assert world.engine.correlation_of(RESOURCE, "nobody") is None


async def test_connections_of_an_earlier_process_are_remembered_within_bounds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "KNOWN_CONNECTIONS", 2)
    world.engine.remember(
        ConnectionOpened(
            f"c{number}", RESOURCE, "http://app/cb", "server", f"correlation-{number}", VERSION, None
        )
        for number in range(3)
    )
    found = [world.engine.correlation_of(RESOURCE, f"c{number}") for number in range(3)]
    assert found == [None, "correlation-1", "correlation-2"]
