"""The benches of keys: what their phones send, how they compare, and that they can tell what is wrong."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from collections import Counter
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import keys, presses, talkoff
from bench.dtmf_signals import KEYS, silence, sines, speech
from bench.presses import EVENTS, faults, make_phone
from bench.sentences import sentences

ROOT = Path(__file__).parents[2]
TALK = speech(np.random.default_rng(4), 20.0)
CODES = "0123456789*#ABCD"
SOME_KEYS = st.text("12AB", max_size=9)


def phone(number: int, seed: int = 1, count: int = 60) -> presses.Phone:
    return make_phone(np.random.default_rng(seed), number, count, TALK)


def parsed(packets):
    """Time of arrival, payload type, sequence number, RTP time, payload."""
    for at, octets in packets:
        _, kind, sequence, time, _ = struct.unpack("!BBHII", octets[:12])
        yield at, kind & 0x7F, sequence, time, octets[12:]


# --- comparing ---


@pytest.mark.parametrize(
    ("sent", "heard", "wrong"),
    [
        ("1234", "1234", {}),
        ("1234", "124", {"lost": 1}),
        ("1234", "12234", {"doubled": 1}),
        ("11", "111", {"doubled": 1}),
        ("1234", "12334A", {"doubled": 1, "made up": 1}),
        ("1234", "1324", {"out of order": 1}),
        ("1234", "1239", {"wrong": 1}),
        ("12", "", {"lost": 2}),
        ("", "5", {"made up": 1}),
    ],
)
def test_what_is_wrong_has_a_name(sent, heard, wrong):
    assert faults(sent, heard) == Counter(wrong)


@given(sent=SOME_KEYS, heard=SOME_KEYS)
def test_nothing_but_the_same_keys_in_the_same_order_is_right(sent, heard):
    found = faults(sent, heard)
    assert (found.total() == 0) == (sent == heard)
    more = found["doubled"] + found["made up"] - found["lost"]
    assert len(heard) - len(sent) == more
    assert found.total() <= max(len(sent), len(heard))


@given(sent=st.text("12AB", min_size=1, max_size=9), data=st.data())
def test_one_fault_is_counted_as_one(sent, data):
    at = data.draw(st.integers(0, len(sent) - 1))
    assert faults(sent, sent[:at] + sent[at + 1 :]) == Counter(lost=1)
    assert faults(sent, sent[:at] + sent[at] + sent[at:]) == Counter(doubled=1)
    assert faults(sent, f"{sent[:at]}7{sent[at + 1 :]}") == Counter(wrong=1)


# --- phones ---


def test_every_press_of_an_event_phone_comes_through_before_the_next_one():
    lost = 0
    for seed in range(8):
        made = phone(2, seed)
        packets = list(parsed(made.packets))
        assert [at for at, *_ in packets] == sorted(at for at, *_ in packets)
        events = [(at, time, payload) for at, kind, _, time, payload in packets if kind == EVENTS]
        start = min(events)[1]
        times = sorted({time for _, time, _ in events}, key=lambda time: (time - start) & 0xFFFFFFFF)
        firsts = [min(at for at, of, _ in events if of == time) for time in times]
        assert firsts == sorted(firsts)
        codes = [next(payload[0] for _, of, payload in events if of == time) for time in times]
        assert "".join(CODES[code] for code in codes) == made.keys
        numbers = {sequence for _, _, sequence, _, _ in packets}
        lost += 1 - len(numbers) / (1 + max((n - packets[0][2]) & 0xFFFF for n in numbers))
        assert any(after[0] < before[0] for before, after in pairwise((p[2], p[3]) for p in packets))
        ends = Counter(time for _, time, payload in events if payload[1] & 0x80)
        assert max(ends.values()) >= 3
        for _, _, payload in events:
            if payload[1] & 0x80:
                assert 60 * 8 <= struct.unpack("!H", payload[2:])[0] <= 100 * 8
    assert 0.05 < lost / 8 < 0.12


def test_half_of_the_phones_press_with_events_and_all_keys_occur():
    made = [phone(number, number, 30) for number in range(16)]
    assert Counter(one.pressed for one in made) == {"tones": 8, "events": 6, "events and tones": 2}
    assert set("".join(one.keys for one in made)) == set(KEYS)
    assert {one.codec for one in made if one.pressed == "tones"} == {"PCMU", "PCMA", "G722"}
    assert {one.codec for one in made if one.pressed != "tones"} == {"PCMU", "PCMA"}
    assert {one.events for one in made if one.pressed == "tones"} == {True, False}
    for one in made:
        kinds = Counter(kind for _, kind, *_ in parsed(one.packets))
        assert (kinds[EVENTS] > 0) == (one.pressed != "tones")
        assert kinds[one.payload_type] > 500


@given(seed=st.integers(0, 1000), grid=st.sampled_from([1, 160]))
def test_keys_and_pauses_are_as_long_as_they_are_to_be(seed, grid):
    planned = presses.plan(np.random.default_rng(seed), 40, grid)
    assert planned[0].begin >= presses.SETTLE * 8000
    for one, other in pairwise(planned):
        assert 60 * 8 <= one.length <= 100 * 8
        assert one.begin % grid == 0
        assert other.begin - one.begin - one.length >= 60 * 8


def test_the_keys_are_shared_out_among_the_phones():
    made = presses.make_phones(1, 3, 10)
    assert [len(one.keys) for one in made] == [4, 3, 3]
    assert [one.keys for one in presses.make_phones(1, 3, 10)] == [one.keys for one in made]
    assert [one.keys for one in presses.make_phones(2, 3, 10)] != [one.keys for one in made]


# --- the figure ---


def found(wrong: dict[str, int], cpu: float) -> keys.Found:
    sources = Counter(rfc4733=5, inband=5)
    return keys.Found(Counter(wrong), 10, 2.0, cpu, cpu + 0.02, 1000.0, 1.5, 0.4, 0, sources)


@pytest.mark.parametrize(
    ("wrong", "cpu", "value", "ok"),
    [
        ({}, 0.61, 0, [True, True]),
        ({"lost": 1, "doubled": 2}, 0.61, 3, [False, True]),
        ({}, 0.55, 0, [False, False]),  # not what was promised
    ],
)
def test_the_figure_is_good_only_without_a_fault_and_under_its_load(
    wrong, cpu, value, ok, monkeypatch, capsys
):
    monkeypatch.setattr(keys, "run", lambda *given, **more: found(wrong, cpu))
    assert keys.main([]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["bench"] for line in lines] == ["keys", "keys.load"]
    assert lines[0]["value"] == value
    assert [line["ok"] for line in lines] == ok
    assert lines[0]["unit"] == "lost or doubled of 10000 digits"


def test_a_figure_that_cannot_be_had_says_why(monkeypatch, capsys):
    def broken(*given, **more):
        raise keys.BenchError("there is no C compiler")

    monkeypatch.setattr(keys, "run", broken)
    assert keys.main([]) == 1
    assert '"value": null' in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcc") is None, reason="the callers are a C program")
def test_keys_on_a_worker_with_other_calls():
    command = [sys.executable, "-m", "bench.keys", "--digits", "400", "--phones", "16"]
    done = subprocess.run(
        [*command, "--load", "0.05", "--rows", "480"], cwd=ROOT, capture_output=True, text=True, timeout=400
    )
    line = json.loads(done.stdout.splitlines()[0])
    assert (line["bench"], line["value"]) == ("keys", 0), done.stderr


# --- talk-off ---


def test_no_sentence_is_said_twice():
    said = list(islice(sentences(1), 3000))
    assert len(set(said)) == len(said)
    assert said[:50] == list(islice(sentences(1), 50))
    assert said[:50] != list(islice(sentences(2), 50))
    assert all(10 < len(one) < 200 for one in said)


def test_the_voice_has_the_level_it_is_to_have():
    for dbm0 in talkoff.LEVELS:
        loud = np.concatenate([speech(np.random.default_rng(2), 3.0), silence(3000)])
        levelled = talkoff.at_level(loud, dbm0)
        powers = (levelled.reshape(-1, 160) ** 2).mean(axis=1)
        power = powers[powers > powers.max() * talkoff.VOICED**2].mean()
        assert 10 * np.log10(2 * power / 32767**2) + 3.14 == pytest.approx(dbm0, abs=0.1)
    assert not talkoff.at_level(silence(100), -10).any()


def test_a_line_passes_what_lies_between_300_and_3400_hz():
    rng = np.random.default_rng(1)
    for hz, passed in ((150, False), (500, True), (3000, True), (3600, False)):
        kept = np.abs(talkoff.telephone(sines(rng, (hz,), -10, 1000))).mean()
        assert (kept > 1000) == passed, hz


def heard_by(detect, monkeypatch):
    monkeypatch.setattr(talkoff, "detect", detect)
    rng = np.random.default_rng(3)
    return talkoff.listen([speech(rng, 2.0), speech(rng, 2.0)], ["one", "two"], rng)


def test_the_plane_s_detector_takes_talk_for_talk_and_a_key_for_a_key(monkeypatch):
    heard = heard_by(talkoff.detect, monkeypatch)
    assert (heard.seconds, heard.sentences, heard.mistakes) == (4.0, 2, [])
    assert (heard.pressed, heard.missed) == (3, 0)


def test_a_deaf_and_a_credulous_detector_are_found_out(monkeypatch):
    deaf = heard_by(lambda signals, law, rng: [""] * len(signals), monkeypatch)
    assert (deaf.mistakes, deaf.missed) == ([], 3)
    credulous = heard_by(lambda signals, law, rng: ["5"] * len(signals), monkeypatch)
    assert [(one.keys, one.text) for one in credulous.mistakes] == [("5", "one"), ("5", "two")] * 3


@pytest.mark.parametrize(("mistakes", "missed", "ok"), [(0, 0, True), (1, 0, False), (0, 1, False)])
def test_the_figure_of_talk_is_good_only_if_the_detector_is_not_deaf(
    mistakes, missed, ok, monkeypatch, capsys, tmp_path
):
    one = talkoff.Mistake("25", "mu-law", "two five", silence(20))
    heard = talkoff.Heard(60.0, 20, [one] * mistakes, 3, missed)
    monkeypatch.setattr(talkoff, "missing", lambda: ())
    monkeypatch.setattr(talkoff, "KEPT", tmp_path)
    monkeypatch.setattr(talkoff, "talk", lambda minutes, seed: iter([heard]))
    assert talkoff.main(["--minutes", "1"]) == 0
    shown = capsys.readouterr()
    line = json.loads(shown.out)
    assert (line["value"], line["ok"]) == (2 * mistakes, ok)
    assert line["unit"] == "false digits in 1 minutes of speech"
    assert len(list(tmp_path.glob("*.wav"))) == mistakes


def test_without_the_extra_there_is_no_figure(monkeypatch, capsys):
    monkeypatch.setattr(talkoff, "missing", lambda: ("piper-tts",))
    assert talkoff.main([]) == 1
    shown = capsys.readouterr()
    assert '"value": null' in shown.out
    assert "hookflash[speech]" in shown.err
