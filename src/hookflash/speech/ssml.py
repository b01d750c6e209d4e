"""SSML to a script: the subset of the Azure speech service, for voices that know plain text only.

The elements are in a table. Of one that is not there what is in it is spoken, and a note says so. The
documents come from strangers: nothing but elements, text, comments and CDATA is taken (no document type,
hence no entities of their own), and size, depth, counts, text and pauses are bounded. Sources: W3C SSML 1.0
and 1.1, and the service's documentation of its elements and limits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from xml.parsers import expat

from hookflash.speech import prosody, saying
from hookflash.speech.script import Clip, Manner, Script, SsmlError
from hookflash.speech.track import Track
from hookflash.speech.voices import voice_locale, voice_name

MAX_BYTES = 64 * 1024
"""Size of a document in UTF-8, as of the real service."""
MAX_DEPTH = 32
MAX_ELEMENTS = 2000
MAX_VOICES = 50
"""``voice`` and ``audio`` elements in a document, as of the real service."""
MAX_TEXT = 20_000
"""Characters that are spoken, after substitutions."""
MAX_SILENCE_MS = 600_000
"""Milliseconds of all pauses, as long as the real service lets a prompt be."""
MAX_NOTES = 20
BREAK_MS = 750
"""A break that says nothing of its length."""
SENTENCE_MS = 250
PARAGRAPH_MS = 600
"""Between sentences and paragraphs that are marked as such."""

_SSML = ("", "http://www.w3.org/2001/10/synthesis")
_MSTTS = re.compile(r"https?://www\.w3\.org/2001/mstts/?", re.IGNORECASE)
_XML = "http://www.w3.org/XML/1998/namespace"
_LOCALE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}")


@dataclass(slots=True)
class _Frame:
    """An open element."""

    tag: str
    manner: Manner
    track: Track
    attributes: dict[str, str]
    capture: list[str] | None = None
    """Collects the text of an element that is not spoken as it stands."""
    mute: bool = False
    sentence: tuple[bool, int] = (False, 0)
    """The pause between sentences the document asks for: instead of the usual one or on top of it, ms."""
    tail: int = 0
    """Pause at the end of the element, ms."""


def parse(document: str, *, voice: str = "", locale: str = "", gender: str = "") -> Script:
    """What ``document`` asks to be heard; ``voice``, ``locale`` and ``gender`` are for what names none.

    Raises :class:`SsmlError`, and nothing else, whatever the document is.
    """
    try:
        size = len(document.encode())
    except UnicodeEncodeError as error:
        before = document[: error.start]
        line = before.count("\n") + 1
        raise SsmlError("a character that is none (half of a pair)", line, _column(before)) from None
    if size > MAX_BYTES:
        raise SsmlError(f"the document has {size:,} bytes, {MAX_BYTES:,} are allowed")
    return _Parser(Manner(voice=voice, locale=locale, gender=gender)).run(document)


class _Parser:
    def __init__(self, manner: Manner) -> None:
        self._track = Track(self._spend)
        self._frames = [_Frame("", manner, self._track, {})]
        self._notes: dict[str, None] = {}
        self._elements = self._voices = self._text = self._silence = 0
        self._expat = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype
        parser.ProcessingInstructionHandler = self._instruction

    def run(self, document: str) -> Script:
        try:
            self._expat.Parse(document, True)
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code) or "not well-formed"
            raise SsmlError(reason, error.lineno, error.offset + 1) from None
        segments = self._track.finish()
        if not segments:
            raise SsmlError("there is nothing in it to be spoken")
        return Script(segments, tuple(self._notes))

    def _error(self, reason: str) -> SsmlError:
        parser = self._expat
        return SsmlError(reason, parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)

    def _note(self, text: str) -> None:
        if len(self._notes) < MAX_NOTES:
            self._notes.setdefault(f"SSML line {self._expat.CurrentLineNumber}: {text}")

    def _doctype(self, *_: object) -> None:
        raise self._error("a document type (<!DOCTYPE>) is not allowed")

    def _instruction(self, target: str, _: str) -> None:
        self._note(f"processing instruction <?{target[:40]}?> passed over")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise self._error(f"more than {MAX_ELEMENTS} elements")
        if len(self._frames) > MAX_DEPTH:
            raise self._error(f"elements nested more than {MAX_DEPTH} deep")
        namespace, _, local = name.rpartition(" ")
        known = namespace in _SSML
        tag = (
            local if known else f"mstts:{local}" if _MSTTS.fullmatch(namespace) else f"{{{namespace}}}{local}"
        )
        above = self._frames[-1]
        if len(self._frames) == 1 and tag != "speak":
            raise self._error(f"the document begins with <{local[:60]}> instead of <speak>")
        frame = _Frame(
            tag,
            above.manner,
            above.track,
            {key.replace(f"{_XML} ", "xml:"): value for key, value in attributes.items()},
            above.capture,
            above.mute,
            above.sentence,
        )
        self._frames.append(frame)
        if above.capture is not None:
            self._note(f"<{local[:60]}> inside <{above.tag}>: only its text counts")
            return
        handler = _STARTS.get(tag)
        if handler is not None:
            handler(self, frame, above)
        elif tag not in _PLAIN:
            self._note(f"<{local[:60]}> is not known; what is in it is spoken")
        elif _PLAIN[tag]:
            self._note(_PLAIN[tag])

    def _end(self, _: str) -> None:
        frame = self._frames.pop()
        above = self._frames[-1]
        if above.capture is not None:
            return
        handler = _ENDS.get(frame.tag)
        if handler is not None:
            handler(self, frame, above)

    def _characters(self, text: str) -> None:
        frame = self._frames[-1]
        if frame.mute:
            return
        if frame.capture is not None:
            frame.capture.append(text)
        else:
            self._count(text)
            frame.track.say(text, frame.manner)

    def _count(self, text: str) -> None:
        self._text += len(text) if text.strip() else 0
        if self._text > MAX_TEXT:
            raise self._error(f"more than {MAX_TEXT:,} characters to be spoken")

    def _spend(self, ms: int) -> None:
        self._silence += ms
        if self._silence > MAX_SILENCE_MS:
            raise self._error(f"the pauses are longer than {MAX_SILENCE_MS // 60_000} minutes altogether")

    def _part(self, frame: _Frame, usual: int) -> None:
        exact, ms = frame.sentence
        frame.track.part(ms if exact else usual + ms)

    # What the elements do. ``frame`` is the element's own, ``above`` the one around it.

    def language(self, frame: _Frame, above: _Frame) -> None:
        locale = frame.attributes.get("xml:lang", "").strip()
        if not locale:
            return
        if _LOCALE.fullmatch(locale):
            frame.manner = replace(frame.manner, locale=locale)
        else:
            self._note(f"xml:lang={locale[:40]!r} is no language; ignored")

    def speak(self, frame: _Frame, above: _Frame) -> None:
        if len(self._frames) > 2:
            raise self._error("<speak> inside <speak>")
        self.language(frame, above)

    def voice(self, frame: _Frame, above: _Frame) -> None:
        self._one_voice()
        name = voice_name(frame.attributes.get("name", ""))
        gender = (frame.attributes.get("gender") or frame.attributes.get("xml:gender") or "").strip().lower()
        if gender not in ("male", "female"):
            gender = ""
        if name:
            own = voice_locale(name)
            frame.manner = replace(frame.manner, voice=name, gender=gender, locale=own or frame.manner.locale)
        elif gender or "xml:lang" in frame.attributes:
            frame.manner = replace(frame.manner, voice="", gender=gender or frame.manner.gender)
        else:
            self._note("<voice> without a name; ignored")
        self.language(frame, above)

    def end_voice(self, frame: _Frame, above: _Frame) -> None:
        if frame.tail:
            frame.track.pause(frame.tail)

    def paragraph(self, frame: _Frame, above: _Frame) -> None:
        self.language(frame, above)
        self._part(frame, PARAGRAPH_MS)

    def end_paragraph(self, frame: _Frame, above: _Frame) -> None:
        self._part(frame, PARAGRAPH_MS)

    def sentence(self, frame: _Frame, above: _Frame) -> None:
        self.language(frame, above)
        self._part(frame, SENTENCE_MS)

    def end_sentence(self, frame: _Frame, above: _Frame) -> None:
        self._part(frame, SENTENCE_MS)

    def rest(self, frame: _Frame, above: _Frame) -> None:
        time, strength = frame.attributes.get("time"), frame.attributes.get("strength")
        ms = prosody.duration_ms(time) if time is not None else None
        if ms is None and time is not None:
            self._note(f"break time={time[:40]!r} is no time; write 500ms or 1.5s")
        if ms is None and strength is not None:
            ms = prosody.strength_ms(strength)
            if ms is None:
                self._note(f"break strength={strength[:40]!r} is not known; medium taken")
        if not above.mute:
            frame.track.pause(BREAK_MS if ms is None else ms)

    def prosody(self, frame: _Frame, above: _Frame) -> None:
        readers = {"rate": prosody.rate, "volume": prosody.gain, "pitch": prosody.pitch}
        changes: dict[str, float] = {}
        for name, value in frame.attributes.items():
            reader = readers.get(name)
            if reader is None:
                self._note(f"prosody {name[:40]} is not supported; ignored")
                continue
            read = reader(value, above.manner)
            if read is None:
                self._note(f"prosody {name}={value[:40]!r} is not understood; ignored")
            else:
                changes[name] = round(read, 3)
        was = frame.manner
        frame.manner = replace(
            was,
            rate=changes.get("rate", was.rate),
            gain_db=changes.get("volume", was.gain_db),
            pitch=changes.get("pitch", was.pitch),
        )

    def emphasis(self, frame: _Frame, above: _Frame) -> None:
        level = frame.attributes.get("level", "moderate")
        read = prosody.emphasis(level, above.manner)
        if read is None:
            self._note(f"emphasis level={level[:40]!r} is not known; ignored")
            return
        frame.manner = replace(frame.manner, rate=round(read[0], 3), gain_db=round(read[1], 3))

    def capture(self, frame: _Frame, above: _Frame) -> None:
        frame.capture = []

    def end_say_as(self, frame: _Frame, above: _Frame) -> None:
        text = "".join(frame.capture or ())
        kind = frame.attributes.get("interpret-as", "")
        words = saying.say_as(text, kind, frame.attributes.get("format", ""), frame.manner.locale)
        if words is None and text.strip():
            why = (
                "is not known"
                if kind.strip().lower() not in saying.KNOWN
                else "does not fit the text or language"
            )
            self._note(f"say-as {kind[:40]!r} {why}; the text is spoken as it stands")
        self._insert(frame, text if words is None else words)

    def end_sub(self, frame: _Frame, above: _Frame) -> None:
        alias = frame.attributes.get("alias")
        if alias is None:
            self._note("<sub> without an alias; its text is spoken")
        self._insert(frame, "".join(frame.capture or ()) if alias is None else alias)

    def _insert(self, frame: _Frame, words: str) -> None:
        if not frame.mute:
            self._count(words)
            frame.track.insert(words, frame.manner)

    def audio(self, frame: _Frame, above: _Frame) -> None:
        self._one_voice()
        if frame.attributes.get("src", "").strip():
            frame.track = Track(self._spend)
        else:
            self._note("<audio> without a src; what is in it is spoken")

    def end_audio(self, frame: _Frame, above: _Frame) -> None:
        url = frame.attributes.get("src", "").strip()
        if url and not frame.mute:
            above.track.clip(Clip(url, frame.track.finish(), frame.manner.gain_db))

    def mute(self, frame: _Frame, above: _Frame) -> None:
        frame.mute = True

    def silence(self, frame: _Frame, above: _Frame) -> None:
        kind = frame.attributes.get("type", "").strip().lower()
        value = frame.attributes.get("value") or frame.attributes.get("Value") or ""
        ms = prosody.duration_ms(value)
        frame.mute = True
        if ms is None:
            self._note(f"mstts:silence value={value[:40]!r} is no time; ignored")
        elif kind in ("leading", "leading-exact"):
            above.track.pause(ms)
        elif kind in ("tailing", "tailing-exact"):
            above.tail = ms
        elif kind in ("sentenceboundary", "sentenceboundary-exact"):
            above.sentence = (kind.endswith("exact"), ms)
        else:
            self._note(f"mstts:silence type={kind[:40]!r} is not supported; ignored")

    def _one_voice(self) -> None:
        self._voices += 1
        if self._voices > MAX_VOICES:
            raise self._error(f"more than {MAX_VOICES} voice and audio elements")


_Handler = Callable[[_Parser, _Frame, _Frame], None]
_STARTS: dict[str, _Handler] = {
    "speak": _Parser.speak,
    "voice": _Parser.voice,
    "lang": _Parser.language,
    "p": _Parser.paragraph,
    "paragraph": _Parser.paragraph,
    "s": _Parser.sentence,
    "sentence": _Parser.sentence,
    "break": _Parser.rest,
    "prosody": _Parser.prosody,
    "emphasis": _Parser.emphasis,
    "say-as": _Parser.capture,
    "sub": _Parser.capture,
    "audio": _Parser.audio,
    "desc": _Parser.mute,
    "metadata": _Parser.mute,
    "meta": _Parser.mute,
    "mstts:silence": _Parser.silence,
}
_ENDS: dict[str, _Handler] = {
    "voice": _Parser.end_voice,
    "p": _Parser.end_paragraph,
    "paragraph": _Parser.end_paragraph,
    "s": _Parser.end_sentence,
    "sentence": _Parser.end_sentence,
    "say-as": _Parser.end_say_as,
    "sub": _Parser.end_sub,
    "audio": _Parser.end_audio,
}
_PLAIN = {
    "w": "",
    "token": "",
    "mark": "",
    "bookmark": "",
    "mstts:viseme": "",
    "phoneme": "<phoneme> is not supported; its text is spoken in the usual way",
    "lexicon": "<lexicon> is not supported; ignored",
    "lookup": "<lookup> is not supported; ignored",
    "mstts:express-as": "<mstts:express-as> is not supported; what is in it is spoken in the usual way",
    "mstts:backgroundaudio": "<mstts:backgroundaudio> is not supported; ignored",
    "mstts:audioduration": "<mstts:audioduration> is not supported; ignored",
}
"""Elements whose text is spoken as it stands, and what there is to say of them."""


def _column(before: str) -> int:
    return len(before) - (before.rfind("\n") + 1) + 1
