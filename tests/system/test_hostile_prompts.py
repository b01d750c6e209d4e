"""Prompts from web servers and apps that mean harm: each ends in its event, and the next prompt is heard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.communication.callautomation import FileSource, SsmlSource
from azure.core.exceptions import HttpResponseError
from system.audio import wav
from system.harness import Server, Webhook, running
from system.hostile_files import BEHAVIOURS, HostileFiles
from system.processes import children
from system.room import code
from system.talking import Talk, talking

SPEECH = """
[speech]
first_audio = 1.0
[[speech_provider]]
kind = "beep"
"""
MEDIA = f"prompt_timeout = 0.5\nprompt_bytes = {4 << 20}"
MOST = 48 << 20
"""Bytes by which the server may have grown at most, with files of 4 MiB and what hangs on them."""

DOWNLOAD_FAILED, NO_FILE, BAD_SSML = (400, 8536), (400, 8535), (400, 8582)

ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
BOMBS = {
    "nesting": "<p>" * 5000 + "deep" + "</p>" * 5000,
    "pauses": '<break time="99999999999s"/>' * 1000 + "late",
    "voices": '<voice name="en-US-JennyNeural">a</voice>' * 1500,
    "prosodies": '<prosody rate="+1%">a</prosody>' * 2100,
    "prosodies in each other": '<prosody pitch="+50%">' * 1500 + "high" + "</prosody>" * 1500,
    "words": "word " * 5000,
    "not XML": "<" * 20_000,
}
HARMLESS = {
    "a rate that is none": f'<prosody rate="{"9" * 60_000}">Still here</prosody>',
    "comments": f"Still {'<!-- -->' * 7000} here",
}


def document(text: str) -> SsmlSource:
    return SsmlSource(ssml_text=f'<speak version="1.0" xml:lang="en-US">{text}</speak>')


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Webhook]]:
    yield from running(tmp_path_factory.mktemp("hostile-prompts"), SPEECH, media=MEDIA)


@pytest.fixture
def files() -> Iterator[HostileFiles]:
    made = HostileFiles()
    yield made
    made.close()


@pytest.fixture
def talk(target: tuple[Server, Webhook]) -> Iterator[Talk]:
    server, webhook = target
    webhook.forget()
    webhook.files["/short.wav"] = wav(0.1)
    with talking(server, webhook) as talk:
        talk.plays(short(talk), "first")
        yield talk
    assert "Traceback" not in server.log.read_text()


def short(talk: Talk) -> FileSource:
    return FileSource(url=f"{talk.webhook.url}/short.wav")


def most_memory(server: Server) -> dict[int, int]:
    """The most that the server and each of its processes ever had in memory, bytes by process id."""
    assert server.process is not None
    found = {}
    for pid in (server.process.pid, *children(server.process.pid)):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                found[pid] = int(line.split()[1]) << 10
    return found


def test_files_that_do_not_end_or_do_not_come(
    target: tuple[Server, Webhook], files: HostileFiles, talk: Talk
) -> None:
    before = most_memory(target[0])
    for path in BEHAVIOURS:
        talk.sdk.play_media_to_all(FileSource(url=f"{files.url}/{path}"), operation_context=path)
        # Where more comes than was announced, either the few bytes are taken for the file or the rest for
        # another answer, as the network has it.
        wanted = (DOWNLOAD_FAILED, NO_FILE) if path == "understated" else (DOWNLOAD_FAILED,)
        assert talk.ended("Play", path, 10) in wanted, path
        assert path in talk.message(path)
        talk.plays(short(talk), f"after {path}", 10)
    after = most_memory(target[0])
    assert {pid: size - before[pid] for pid, size in after.items() if size - before[pid] > MOST} == {}
    assert max(files.sent.values()) < 64 << 20  # hung up on, long before the end of a gigabyte


def test_audio_elements_that_do_not_come_have_a_stand_in(files: HostileFiles, talk: Talk) -> None:
    for path in ("silent", "trickling", "chunked"):
        source = document(f'<audio src="{files.url}/{path}">Instead of it</audio>')
        talk.plays(source, f"element {path}", 10)
    nothing = "".join(f'<audio src="{files.url}/{path}"/>' for path in ("silent", "announced"))
    talk.plays(document(f"{nothing}The end"), "without stand-ins", 10)


def test_documents_made_to_hurt(target: tuple[Server, Webhook], talk: Talk) -> None:
    before = most_memory(target[0])
    doctype = SsmlSource(ssml_text=f"<!DOCTYPE speak [<!ENTITY e0 'ha'>{ENTITIES}]><speak>&e9;</speak>")
    for name, source in {
        "entities": doctype,
        **{name: document(text) for name, text in BOMBS.items()},
    }.items():
        talk.sdk.play_media_to_all(source, operation_context=name)
        assert talk.ended("Play", name, 10) == BAD_SSML, name
        talk.plays(short(talk), f"after {name}", 10)
    for name, text in HARMLESS.items():
        talk.plays(document(text), name, 10)
    after = most_memory(target[0])
    assert {pid: size - before[pid] for pid, size in after.items() if size - before[pid] > MOST} == {}


def test_a_document_of_more_than_64_k_is_refused_at_once(talk: Talk) -> None:
    with pytest.raises(HttpResponseError) as refused:
        talk.sdk.play_media_to_all(document("a" * 65_536))
    assert refused.value.status_code == 400
    assert code(refused.value) == "8523"
    talk.plays(short(talk), "after it", 10)
