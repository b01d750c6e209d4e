"""The settings of speech: who speaks and recognises, and within which bounds."""

# ruff: noqa: RUF009 - setting() is dataclasses.field() with our metadata, evaluated once on purpose

from __future__ import annotations

from dataclasses import dataclass

from hookflash.config import kinds
from hookflash.config.setting import required, setting

BUILT_IN = ("builtin", "beep")
"""Kinds of provider that need no service."""

SERVICES = ("azure", "openai", "deepgram")
"""Kinds of provider that are asked over the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechSettings:
    """Text to speech and speech to text: what is common to all providers. Who they are is in
    `[[speech_provider]]`."""

    start: str = setting(kinds.choice("startup", "demand"), "startup")
    """When the processes of the built-in engines and of services are started: with the server, so that the
    first prompt is not late, or when they are first needed."""
    strict_voices: bool = setting(kinds.boolean(), False)
    """Fail a play (400/8565) that names a voice nobody has, instead of taking another one."""
    speaking_workers: int = setting(kinds.integer(1, 64, "processes"), 1)
    """Most processes of the built-in voice; each speaks one prompt at a time, ten times as fast as it is
    heard, and takes some 300 MB."""
    recognising_workers: int = setting(kinds.integer(1, 64, "processes"), 2)
    """Most processes of the built-in recogniser; each understands one sentence at a time, in some 0.2 s, and
    takes some 250 MB. One of them serves many callers, since it is needed for that moment only."""
    waiting: int = setting(kinds.integer(1, 10_000, "jobs"), 64)
    """Prompts that may wait for a process of the built-in voice, and utterances for one of the recogniser; of
    more, those of the resource with the most waiting fail at once, with 429. The resources take turns."""
    transcribed: int = setting(kinds.integer(0, 100_000, "participants"), 200)
    """Most participants who are transcribed at a time, in all calls; a transcription for which there is no
    room fails with 429."""
    first_audio: float = setting(kinds.number(0.1, 60, "seconds"), 6.0)
    """Seconds a provider has until its first audio comes, and from each piece of audio to the next; then the
    next provider is asked."""
    prompt_seconds: float = setting(kinds.number(1, 3600, "seconds"), 600.0)
    """Longest synthesised prompt; the rest of a longer one is left out, and the play fails."""
    cache_memory: int = setting(kinds.integer(0, 1 << 34, "bytes"), 64 << 20)
    """Bytes of synthesised prompts kept in memory; a minute takes 2 MB. When it is full, the resource that
    keeps the most gives up what it has not played for longest."""
    cache_disk: int = setting(kinds.integer(0, 1 << 40, "bytes"), 512 << 20)
    """Bytes of synthesised prompts kept on disk, where they survive a restart; 0 keeps none. What was not
    played for 90 days goes at the next start."""
    cache_folder: str | None = setting(kinds.path(), None)
    """Folder of the synthesised prompts; the default is `prompts` in `server.data_dir`. Relative paths start
    at the working directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechProviderSettings:
    """Somebody who speaks or recognises. The order of the entries is the order in which they are asked: the
    first one for the locale does it, the next one if that fails before anything was heard. Without any entry
    there is `builtin`, or `beep` where the extra `hookflash[speech]` is not installed."""

    kind: str = required(kinds.choice(*BUILT_IN, *SERVICES))
    """`builtin` speaks with Piper and recognises with models on this machine (extra `hookflash[speech]`);
    `beep` stands in for a voice with a tone for each word; `azure` is Azure AI Speech; `openai` any server
    with OpenAI's speech and transcription interface; `deepgram` is Deepgram."""
    name: str = setting(kinds.text("a name"), "")
    """What logs and traces call it; its kind when not given."""
    does: tuple[str, ...] = setting(
        kinds.listing(kinds.choice("speak", "recognise"), least=1), ("speak", "recognise")
    )
    """What it is asked for, as far as its kind can do it."""
    locales: tuple[str, ...] = setting(
        kinds.listing(
            kinds.pattern(
                "a locale such as en-US, or a language such as en", r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*"
            )
        ),
        (),
    )
    """Locales (`en-US`) and languages (`en`) it is asked for; all it knows when not given."""
    key_env: str | None = setting(kinds.pattern("the name of a variable", r"[A-Za-z_][A-Za-z0-9_]*"), None)
    """Name of the environment variable that holds its key; the default is `AZURE_SPEECH_KEY`,
    `OPENAI_API_KEY` or `DEEPGRAM_API_KEY`, and none for `openai` at an `endpoint` of its own. Keys have no
    place in a file."""
    endpoint: str | None = setting(kinds.url("https", "http", "wss", "ws"), None)
    """Base URL of a service that is not where its kind usually is; that of `openai` ends with `/v1`."""
    region: str | None = setting(kinds.pattern("a region such as westeurope", r"[a-z0-9]+"), None)
    """Azure region of the speech resource."""
    model: str | None = setting(kinds.text("the name of a model"), None)
    """Model that speaks, where a service has several."""
    recognition_model: str | None = setting(kinds.text("the name of a model"), None)
    """Model that recognises, where a service has several."""
    voice: str | None = setting(kinds.text("the name of a voice"), None)
    """Voice for texts that name none, and instead of those it does not have."""
    voices: dict[str, str] = setting(kinds.mapping(kinds.text("the name of a voice")), {})
    """Its own voices for names that apps use, for example `{"en-US-JennyNeural" = "nova"}`; beside those it
    knows itself."""
    voice_files: tuple[str, ...] = setting(kinds.listing(kinds.path()), ())
    """Piper voices (`.onnx`, with their `.onnx.json` beside them) that `builtin` has in addition. Relative
    paths start at the working directory."""
    concurrency: int | None = setting(kinds.integer(1, 10_000, "requests"), None)
    """Most requests to a service at a time, for each of speaking and recognising; 32 when not given. All of
    them are made by one process. The built-in engines are bounded by `speech.speaking_workers` and
    `speech.recognising_workers`."""
    timeout: float | None = setting(kinds.number(0.1, 60, "seconds"), None)
    """Seconds a service has until it begins to answer, from each piece of audio to the next, and from the end
    of what somebody says to the last words; 10 when not given. `speech.first_audio` may be shorter."""

    @property
    def label(self) -> str:
        """What logs and traces call it."""
        return self.name or self.kind
