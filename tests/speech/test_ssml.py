"""SSML documents as scripts."""

from __future__ import annotations

import contextlib
from itertools import pairwise
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.ports.speech import SpeechError
from hookflash.speech import ssml
from hookflash.speech.script import SILENT_DB, Clip, Manner, Script, Silence, SsmlError, Utterance
from hookflash.speech.ssml import parse

HEAD = (
    '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" '
    'xmlns:mstts="https://www.w3.org/2001/mstts" xml:lang="en-US">'
)


def speak(inside: str) -> Script:
    return parse(f"{HEAD}{inside}</speak>")


def texts(inside: str) -> list[str]:
    return [one.text for one in speak(inside).segments if isinstance(one, Utterance)]


def heard(inside: str) -> list[str | int]:
    """Texts, and the milliseconds of silences between them."""
    return [
        one.text if isinstance(one, Utterance) else one.ms
        for one in speak(inside).segments
        if not isinstance(one, Clip)
    ]


def manner(inside: str) -> Manner:
    (one,) = speak(inside).segments
    assert isinstance(one, Utterance)
    return one.manner


def error(document: str) -> SsmlError:
    with pytest.raises(SsmlError) as caught:
        parse(document)
    return caught.value


def test_the_documentation_s_own_example() -> None:
    script = speak(
        '<voice name="en-US-JennyNeural"><p>\n Your <say-as interpret-as="ordinal"> 1st </say-as> request was'
        ' for <say-as interpret-as="cardinal"> 1 </say-as> room on <say-as interpret-as="date" format="mdy"> '
        '10/19/2010 </say-as>, with early arrival at <say-as interpret-as="time" format="hms12"> 12:35pm '
        "</say-as>.\n</p></voice>"
    )
    text = (
        "Your first request was for one room on October nineteenth, twenty ten, with early arrival at twelve "
        "thirty-five p.m."
    )
    assert script == Script((Utterance(text, Manner("en-US-JennyNeural", "en-US")),))


def test_voices_and_languages() -> None:
    script = parse(
        f'{HEAD}Hi <voice name="de-DE-KatjaNeural">Guten Tag</voice>'
        '<voice name="en-US-JennyMultilingualNeural"><lang xml:lang="es-MX">Hola</lang> you</voice>'
        '<voice gender="Male">sir</voice><voice xml:lang="fr-FR">oui</voice>'
        '<s xml:lang="it-IT">ciao</s></speak>',
        voice="en-US-AriaNeural",
        locale="en-GB",
        gender="female",
    )
    manners = [(one.text, one.manner) for one in script.segments if isinstance(one, Utterance)]
    assert manners == [
        ("Hi", Manner("en-US-AriaNeural", "en-US", "female")),
        ("Guten Tag", Manner("de-DE-KatjaNeural", "de-DE")),
        ("Hola", Manner("en-US-JennyMultilingualNeural", "es-MX")),
        ("you", Manner("en-US-JennyMultilingualNeural", "en-US")),
        ("sir", Manner("", "en-US", "male")),
        ("oui", Manner("", "fr-FR", "female")),
        ("ciao", Manner("en-US-AriaNeural", "it-IT", "female")),
    ]
    assert script.notes == ()


def test_a_voice_s_long_name() -> None:
    name = "Microsoft Server Speech Text to Speech Voice (en-US, JennyNeural)"
    assert manner(f'<voice name="{name}">x</voice>') == Manner("en-US-JennyNeural", "en-US")


def test_the_locale_asked_for_is_that_of_what_names_none() -> None:
    (one,) = parse("<speak>x</speak>", locale="de-DE").segments
    assert one == Utterance("x", Manner(locale="de-DE"))


def test_breaks() -> None:
    assert heard('a<break/>b<break time="2s"/>c<break strength="weak"/>d') == [
        "a",
        750,
        "b",
        2000,
        "c",
        500,
        "d",
    ]
    assert heard('a<break time="1s" strength="weak"/>b') == ["a", 1000, "b"]
    assert heard('a<break time="1s"/><break time="500ms"/>b') == ["a", 1500, "b"]
    assert heard('a<break time="60s"/>b') == ["a", 20_000, "b"]
    assert heard('<break time="1s"/>') == [1000]
    assert heard('a <break strength="none"/> b') == ["a", "b"]


def test_breaks_that_are_not_understood() -> None:
    script = speak('a<break time="soon"/>b<break strength="mighty"/>c')
    assert [one.ms for one in script.segments if isinstance(one, Silence)] == [750, 750]
    assert [note.partition(":")[0] for note in script.notes] == ["SSML line 1", "SSML line 1"]


def test_sentences_and_paragraphs_are_apart() -> None:
    inside = "<p><s>One.</s><s>Two.</s></p> <p>Three.</p>"
    assert heard(inside) == ["One.", ssml.SENTENCE_MS, "Two.", ssml.PARAGRAPH_MS, "Three."]


def test_a_break_takes_the_place_of_the_pause_between_sentences() -> None:
    assert heard('<s>One.</s><break time="1s"/><s>Two.</s>') == ["One.", 1000, "Two."]
    assert heard('<s>One.</s><break time="0s"/>Two.') == ["One.", "Two."]


def test_silence_of_the_service() -> None:
    inside = (
        '<voice name="x"><mstts:silence type="Leading-exact" value="100ms"/>'
        '<mstts:silence type="Sentenceboundary-exact" value="40ms"/>'
        '<mstts:silence type="Tailing" value="300ms"/><s>One.</s><s>Two.</s></voice>Three'
    )
    assert heard(inside) == [100, "One.", 40, "Two.", 300, "Three"]


def test_prosody_is_nested() -> None:
    inner = manner(
        '<prosody rate="+50%" volume="-50%"><prosody pitch="+2st" rate="-50%">x</prosody></prosody>'
    )
    assert (inner.rate, inner.gain_db, inner.pitch) == (0.75, -6.021, 2.0)


def test_prosody_ends_with_its_element() -> None:
    first, second = speak('<prosody volume="silent">a</prosody> b').segments
    assert first == Utterance("a", Manner(locale="en-US", gain_db=SILENT_DB))
    assert second == Utterance("b", Manner(locale="en-US"))


def test_prosody_that_is_not_understood_is_noted() -> None:
    script = speak('<prosody rate="warp" contour="(0%,+20Hz)" volume="50">x</prosody>')
    assert script.segments == (Utterance("x", Manner(locale="en-US", gain_db=-6.021)),)
    assert len(script.notes) == 2


def test_emphasis() -> None:
    assert manner("<emphasis>x</emphasis>") == Manner(locale="en-US", rate=0.95, gain_db=1.5)
    assert manner('<emphasis level="none">x</emphasis>') == Manner(locale="en-US")


def test_the_full_stop_after_another_manner_stays_with_its_sentence() -> None:
    assert texts("Do it <emphasis>now</emphasis>.") == ["Do it", "now."]
    assert texts('One<break time="1s"/>. Two') == ["One", ". Two"]


def test_substitutions() -> None:
    assert texts('<sub alias="World Wide Web Consortium">W3C</sub>.') == ["World Wide Web Consortium."]
    assert texts('10<sub alias="km">x</sub>h') == ["10 km h"]
    assert texts("<sub>W3C</sub>") == ["W3C"]


def test_say_as_follows_the_voice_s_language() -> None:
    assert texts('<say-as interpret-as="digits">12</say-as>') == ["one two"]
    assert texts('<voice name="de-DE-KatjaNeural"><say-as interpret-as="digits">12</say-as></voice>') == [
        "1 2"
    ]
    script = speak('<say-as interpret-as="cardinal">many</say-as>')
    assert script.segments == (Utterance("many", Manner(locale="en-US")),)
    assert "does not fit" in script.notes[0]
    assert "is not known" in speak('<say-as interpret-as="poem">many</say-as>').notes[0]


def test_words_that_stand_for_others_do_not_run_into_the_text() -> None:
    assert texts('room<say-as interpret-as="digits">12</say-as>b') == ["room one two b"]
    assert texts('(<say-as interpret-as="digits">12</say-as>)') == ["(one two)"]


def test_phonemes_are_spoken_as_text() -> None:
    script = speak('a <phoneme alphabet="ipa" ph="x">tomato</phoneme>')
    assert script.segments == (Utterance("a tomato", Manner(locale="en-US")),)
    assert len(script.notes) == 1


def test_recorded_audio() -> None:
    script = speak(
        'a <prosody volume="50"><audio src=" https://example.com/a.wav "><desc>ding</desc>Ding '
        '<break time="1s"/><audio src="b.wav"/></audio></prosody> b'
    )
    fallback = (
        Utterance("Ding", Manner(locale="en-US", gain_db=-6.021)),
        Silence(1000),
        Clip("b.wav", (), -6.021),
    )
    assert script.segments == (
        Utterance("a", Manner(locale="en-US")),
        Clip("https://example.com/a.wav", fallback, -6.021),
        Utterance("b", Manner(locale="en-US")),
    )
    assert texts("<audio>x</audio>") == ["x"]


def test_what_is_not_known_is_spoken_and_noted() -> None:
    script = speak(
        '<mstts:express-as style="cheerful">a</mstts:express-as> <b>c</b> <x:d xmlns:x="urn:x">e</x:d> '
        '<bookmark mark="m"/><mstts:viseme type="x"/><?php x?><!-- no --><![CDATA[<f>]]>'
    )
    assert script.segments == (Utterance("a c e <f>", Manner(locale="en-US")),)
    assert len(script.notes) == 4


def test_an_element_of_a_foreign_namespace_is_not_ours() -> None:
    assert heard('a <break xmlns="urn:x" time="9s"/> b') == ["a b"]


def test_namespaces_may_have_any_prefix_or_none() -> None:
    document = '<t:speak xmlns:t="http://www.w3.org/2001/10/synthesis">a<t:break/>b</t:speak>'
    assert parse(document).segments == parse("<speak>a<break/>b</speak>").segments


def test_notes_are_bounded() -> None:
    script = speak("\n".join(f"<x{n}>y</x{n}>" for n in range(100)))
    assert len(script.notes) == ssml.MAX_NOTES


@pytest.mark.parametrize(
    ("document", "line", "column", "reason"),
    [
        ("", 1, 1, "no element found"),
        ("hello", 1, 1, "syntax error"),
        ("<speak>\n\n <b></c></speak>", 3, 7, "mismatched tag"),
        ("<speak>\n  fish & chips</speak>", 2, 9, "not well-formed (invalid token)"),
        ("<speak>é &nbsp;</speak>", 1, 10, "undefined entity"),
        ("<speak><mstts:x/></speak>", 1, 8, "unbound prefix"),
        ("<speak>\x0bx</speak>", 1, 8, "not well-formed (invalid token)"),
        ("<p>x</p>", 1, 1, "the document begins with <p> instead of <speak>"),
        ("<speak>\n<speak>x</speak></speak>", 2, 1, "<speak> inside <speak>"),
        ("<speak/>", 1, 1, "there is nothing in it to be spoken"),
        ("<speak> <p> </p> </speak>", 1, 1, "there is nothing in it to be spoken"),
        ("<speak>\nx\ud800</speak>", 2, 2, "a character that is none (half of a pair)"),
    ],
)
def test_errors_tell_where_and_why(document: str, line: int, column: int, reason: str) -> None:
    found = error(document)
    assert (found.line, found.column, found.reason) == (line, column, reason)
    assert str(found) == f"The SSML is not valid at line {line}, column {column}: {reason}."
    assert isinstance(found, SpeechError)
    assert (found.code, found.sub_code, found.final) == (400, 8582, True)


def test_no_document_type_hence_no_entities() -> None:
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    for inside in (
        f'[<!ENTITY e0 "ha">{bomb}]',
        '[<!ENTITY e SYSTEM "file:///etc/passwd">]',
        'SYSTEM "http://example.com/x.dtd"',
        '[<!ATTLIST speak xml:lang CDATA "x">]',
    ):
        found = error(f"<!DOCTYPE speak {inside}><speak>x</speak>")
        assert found.reason == "a document type (<!DOCTYPE>) is not allowed"


def test_bounds() -> None:
    assert "bytes" in error(f"<speak>{'x' * ssml.MAX_BYTES}</speak>").reason
    assert "bytes" in error(f"<speak>{'é' * (ssml.MAX_BYTES // 2)}</speak>").reason
    assert "deep" in error("<speak>" + "<p>" * 5000).reason
    assert "elements" in error("<speak>" + "<s/>" * (ssml.MAX_ELEMENTS + 1) + "x</speak>").reason
    assert "voice" in error("<speak>" + '<audio src="x"/>' * (ssml.MAX_VOICES + 1) + "</speak>").reason
    assert "minutes" in error("<speak>" + '<break time="20s"/>' * 31 + "</speak>").reason
    assert "characters" in error(f"<speak>{'x' * (ssml.MAX_TEXT + 1)}</speak>").reason
    long = f'<sub alias="{"x" * 11_000}">x</sub>'
    assert "characters" in error(f"<speak>{long * 2}</speak>").reason
    assert parse("<speak>" + "<p>" * (ssml.MAX_DEPTH - 1) + "x" + "</p>" * (ssml.MAX_DEPTH - 1) + "</speak>")


# What XML can hold: no control characters but white space, no surrogates, no U+FFFE and U+FFFF.
_texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n "),
    max_size=200,
)


@given(_texts)
def test_any_text_comes_through_escaped(text: str) -> None:
    expected = " ".join(text.split())
    if not expected:
        assert error(f"<speak>{escape(text)}</speak>").reason == "there is nothing in it to be spoken"
    else:
        assert parse(f"<speak>{escape(text)}</speak>").segments == (Utterance(expected),)


_names = st.sampled_from(
    (
        *("speak", "voice", "p", "s", "break", "prosody", "emphasis", "say-as", "sub", "phoneme", "audio"),
        *("desc", "mstts:silence", "mstts:express-as", "x", "lang"),
    )
)
_attributes = st.sampled_from(
    (
        *(
            "",
            'time="1s"',
            'time="?"',
            'name="en-US-GuyNeural"',
            'rate="50%" volume="x"',
            'alias="y"',
            'src="u"',
        ),
        *('interpret-as="date"', 'interpret-as="characters"', 'type="Leading" value="1s"', 'xml:lang="de"'),
    )
)


def _element(name: str, attributes: str, inside: list[str]) -> str:
    return f"<{name} {attributes}>{''.join(inside)}</{name}>"


_trees = st.recursive(
    _texts.map(escape) | st.just("1/2/2003"),
    lambda inner: st.builds(_element, _names, _attributes, st.lists(inner, max_size=4)),
    max_leaves=20,
)


@given(_trees)
def test_any_tree_is_a_script_or_the_one_error(inside: str) -> None:
    try:
        script = speak(inside)
    except SsmlError:
        return
    assert script.segments
    for one in script.segments:
        if isinstance(one, Utterance):
            assert one.text == " ".join(one.text.split()) != ""
        elif isinstance(one, Silence):
            assert 0 < one.ms <= ssml.MAX_SILENCE_MS
    kinds = [type(one) for one in script.segments]
    assert (Silence, Silence) not in pairwise(kinds)


def only_the_one_error(document: str) -> None:
    with contextlib.suppress(SsmlError):
        parse(document)


@given(st.text(max_size=300) | st.text("<>/&;!?[]-=\"' aspek\n", max_size=300))
def test_any_document_is_a_script_or_the_one_error(document: str) -> None:
    only_the_one_error(document)


@given(st.integers(0, 400), st.integers(0, 400), st.text('<>/&"x', max_size=3))
def test_a_damaged_document_is_a_script_or_the_one_error(start: int, length: int, put: str) -> None:
    inside = '<p>x <say-as interpret-as="time">1:02</say-as><break time="1s"/></p>'
    whole = f'{HEAD}<voice name="a-B">{inside}</voice></speak>'
    only_the_one_error(whole[:start] + put + whole[start + length :])
