"""What virtual phones hear is noted on the way to the media, and everything is passed on."""

from __future__ import annotations

from typing import Any

from phones.virtual_room import USER, Room

from hookflash.calls.effects import (
    AddListener,
    AudioFile,
    EndLeg,
    PlayAudio,
    RemoveListener,
    SendTones,
)
from hookflash.calls.facts import (
    AudioFailed,
    AudioFinished,
    AudioStarted,
    Cause,
    Fact,
    MediaLost,
    TonesDone,
    TonesFailed,
)
from hookflash.media.speech import Speech
from hookflash.phones.virtual import call as call_module
from hookflash.phones.virtual.ears import Ears

HELLO, BYE = AudioFile("http://a/hello.wav"), AudioFile("http://a/bye.wav")


class Media:
    """Implements Media; keeps what it is given."""

    def __init__(self) -> None:
        self.given: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *given: self.given.append((name, *given))


class Hall(Room):
    """Two phones in one call, legs 1 and 2; leg 9 is somebody else's."""

    def __init__(self) -> None:
        super().__init__()
        self.media = Media()
        self.ears = Ears(self.media, self.lines.call_of)  # type: ignore[arg-type]
        self.passed: list[Fact] = []
        self.tell = self.ears.through(self.passed.append)

    async def fill(self) -> Hall:
        self.phone("ada")
        self.phone("bob", USER)
        await self.up(1)
        await self.up(2, USER)
        return self

    def heard(self, id: str = "ada") -> list[tuple[int, list[str], str]]:
        return [(one.play, one.sources, one.state.value) for one in self.shown(id).heard]


async def test_a_play_is_heard_from_its_first_to_its_last_sample() -> None:
    hall = await Hall().fill()
    effect = PlayAudio(5, 7, (1, 2, 9), (HELLO, BYE))
    hall.ears.play(effect)
    assert hall.heard() == []
    hall.tell(AudioStarted(5))
    urls = ["http://a/hello.wav", "http://a/bye.wav"]
    assert hall.heard("ada") == hall.heard("bob") == [(5, urls, "started")]
    hall.tell(AudioFinished(5))
    assert hall.heard("ada") == hall.heard("bob") == [(5, urls, "finished")]
    assert hall.media.given == [("play", effect)]
    assert hall.passed == [AudioStarted(5), AudioFinished(5)]
    assert hall.ears.plays == 0


async def test_of_speech_the_words_are_told() -> None:
    hall = await Hall().fill()
    hall.ears.play(PlayAudio(5, 7, (1,), (Speech("Good day."), Speech(ssml="<speak>Bye</speak>"), HELLO)))
    hall.tell(AudioStarted(5))
    assert hall.heard() == [(5, ["Good day.", "<speak>Bye</speak>", HELLO.url], "started")]


async def test_what_breaks_off_is_stopped() -> None:
    hall = await Hall().fill()
    for play in (1, 2, 3):
        hall.ears.play(PlayAudio(play, 7, (1,), (HELLO,)))
        hall.tell(AudioStarted(play))
    hall.ears.stop_audio(1)
    hall.tell(AudioFailed(2, 0, 8536, "gone"))
    hall.tell(MediaLost((7,)))
    assert [state for _, _, state in hall.heard()] == ["stopped"] * 3
    assert hall.ears.plays == 0
    assert ("stop_audio", 1) in hall.media.given


async def test_the_loss_of_other_calls_stops_nothing() -> None:
    hall = await Hall().fill()
    hall.ears.play(PlayAudio(1, 7, (1,), (HELLO,)))
    hall.tell(AudioStarted(1))
    hall.tell(MediaLost((8,)))
    assert hall.heard()[0][2] == "started"


async def test_what_never_began_was_never_heard() -> None:
    hall = await Hall().fill()
    hall.ears.play(PlayAudio(1, 7, (1,), (HELLO,)))
    hall.ears.stop_audio(1)
    hall.ears.play(PlayAudio(2, 7, (1,), (HELLO,)))
    hall.tell(AudioFailed(2, 0, 8536, "gone"))
    hall.tell(AudioStarted(2))
    assert hall.heard() == []


async def test_listeners_come_and_go() -> None:
    hall = await Hall().fill()
    hall.ears.play(PlayAudio(1, 7, (9,), (HELLO,)))
    hall.ears.add_listener(AddListener(1, 1))
    assert hall.heard() == []
    hall.tell(AudioStarted(1))
    hall.ears.add_listener(AddListener(1, 2))
    assert hall.heard("ada")[0][2] == hall.heard("bob")[0][2] == "started"
    hall.ears.remove_listener(RemoveListener(1, 1))
    hall.tell(AudioFinished(1))
    assert (hall.heard("ada")[0][2], hall.heard("bob")[0][2]) == ("stopped", "finished")
    hall.ears.add_listener(AddListener(1, 1))
    hall.ears.remove_listener(RemoveListener(1, 1))
    assert [name for name, *_ in hall.media.given] == [
        "play",
        "add_listener",
        "add_listener",
        "remove_listener",
        "add_listener",
        "remove_listener",
    ]


async def test_hanging_up_stops_what_is_heard() -> None:
    hall = await Hall().fill()
    hall.ears.play(PlayAudio(1, 7, (1, 2), (HELLO,)))
    hall.tell(AudioStarted(1))
    hall.lines.end(EndLeg(1, Cause(200, "OK")))
    hall.tell(AudioFinished(1))
    assert (hall.heard("ada")[0][2], hall.heard("bob")[0][2]) == ("stopped", "finished")


async def test_keys_sent_are_kept_once_they_have_left() -> None:
    hall = await Hall().fill()
    for sending in (1, 2, 3):
        hall.ears.send_tones(SendTones(sending, 7, 1, str(sending)))
    hall.ears.send_tones(SendTones(4, 7, 9, "4"))
    hall.tell(TonesDone(1))
    hall.ears.stop_tones(2)
    hall.tell(TonesDone(2))
    hall.tell(TonesFailed(3, "no"))
    hall.tell(TonesDone(3))
    hall.tell(TonesDone(4))
    assert hall.shown().digits == "1"
    assert [name for name, *_ in hall.media.given] == ["send_tones"] * 3 + ["send_tones", "stop_tones"]
    assert len(hall.passed) == 5


async def test_hold_and_mute_show() -> None:
    hall = await Hall().fill()
    for leg in (1, 9):
        hall.ears.join_mix(leg)
        hall.ears.leave_mix(leg)
        hall.ears.mute(leg, True)
    assert (hall.shown().held, hall.shown().muted) == (True, True)
    hall.ears.join_mix(1)
    hall.ears.mute(1, False)
    assert (hall.shown().held, hall.shown().muted) == (False, False)
    assert (hall.shown("bob").held, hall.shown("bob").muted) == (False, False)
    one = [("join_mix",), ("leave_mix",), ("mute", True)]
    assert hall.media.given[:6] == [(name, leg, *more) for leg in (1, 9) for name, *more in one]


async def test_app_legs_are_no_concern_of_phones() -> None:
    hall = await Hall().fill()
    hall.ears.open_app_leg(3, 7)
    hall.ears.close_app_leg(3)
    assert hall.media.given == [("open_app_leg", 3, 7), ("close_app_leg", 3)]


async def test_memory_has_bounds(monkeypatch: Any) -> None:
    monkeypatch.setattr(call_module, "MAX_HEARD", 2)
    monkeypatch.setattr(call_module, "MAX_DIGITS_KEPT", 3)
    hall = await Hall().fill()
    for play in (1, 2, 3):
        hall.ears.play(PlayAudio(play, 7, (1,), (HELLO,)))
        hall.tell(AudioStarted(play))
        if play == 2:
            hall.tell(AudioFinished(2))
    assert [play for play, _, _ in hall.heard()] == [1, 3]
    hall.ears.play(PlayAudio(4, 7, (1,), (HELLO,)))
    hall.tell(AudioStarted(4))
    assert [play for play, _, _ in hall.heard()] == [3, 4]
    hall.ears.send_tones(SendTones(1, 7, 1, "12345"))
    hall.tell(TonesDone(1))
    assert hall.shown().digits == "345"
