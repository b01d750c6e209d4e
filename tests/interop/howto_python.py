"""What the how-to pages show in Python: each snippet as a function of a client and of what a reader fills in.

Where a snippet of a page does not run as it stands it is mended, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from azure.communication.callautomation import (
    CallAutomationClient,
    CallConnectionClient,
    CommunicationUserIdentifier,
    DtmfTone,
    FileSource,
    PhoneNumberIdentifier,
    RecognitionChoice,
    RecognizeInputType,
    SsmlSource,
    TextSource,
    VoiceKind,
)

Given = Mapping[str, Any]
Snippet = Callable[[CallAutomationClient, Given], Any]

ELIZABETH = "en-US-ElizabethNeural"
TEXT = "Welcome to Contoso"
MODEL = "YourCustomSpeechModelEndpointId"
QUESTION = TextSource(text="Hi, how can I help you today?", voice_name=ELIZABETH)
REMINDER = (
    "Hello, This is a reminder for your appointment at 2 PM, Say Confirm to confirm your appointment or "
    "Cancel to cancel the appointment. Thank you!"
)
CHOICES = [
    RecognitionChoice(label="Confirm", phrases=["Confirm", "First", "One"], tone=DtmfTone.ONE),
    RecognitionChoice(label="Cancel", phrases=["Cancel", "Second", "Two"], tone=DtmfTone.TWO),
]


def ssml(voice: str) -> str:
    """The document of the play page."""
    return (
        '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US">'
        f'<voice name="{voice}">Hello World!</voice></speak>'
    )


def call(client: CallAutomationClient, given: Given) -> CallConnectionClient:
    """The call the reader is in."""
    return client.get_call_connection(given["callConnectionId"])


def number(given: Given) -> PhoneNumberIdentifier:
    """The phone the reader means."""
    return PhoneNumberIdentifier(given["target"])


# --- the play pages -------------------------------------------------------------------------------------


def answer(client: CallAutomationClient, given: Given) -> Any:
    return client.answer_call(
        incoming_call_context=given["incomingCallContext"],
        callback_url=given["callbackUrl"],
        cognitive_services_endpoint=given["cognitiveServicesEndpoint"],
    )


def to_all(*sources: Any) -> Snippet:
    """Play something to everybody."""
    return lambda client, given: call(client, given).play_media(
        play_source=sources[0] if len(sources) == 1 else list(sources)
    )


def to_one(source: Any) -> Snippet:
    """Play something to one."""
    return lambda client, given: call(client, given).play_media(play_source=source, play_to=[number(given)])


def file_to_one(client: CallAutomationClient, given: Given) -> None:
    call(client, given).play_media(play_source=FileSource(url=given["audioUrl"]), play_to=[number(given)])


def file_to_all(client: CallAutomationClient, given: Given) -> None:
    call(client, given).play_media(play_source=FileSource(url=given["audioUrl"]))


def several(client: CallAutomationClient, given: Given, *sources: Any) -> None:
    """Several sources in one request, as the pages do."""
    call(client, given).play_media_to_all(
        play_source=list(sources),
        interrupt_call_media_operation=False,
        operation_context="multiplePlayContext",
        operation_callback_url=given["operationCallbackUrl"],
        loop=False,
    )


def files(client: CallAutomationClient, given: Given) -> None:
    several(client, given, FileSource(given["audioUrl"]), FileSource(given["audioUrl"]))


def texts(**voice: Any) -> Snippet:
    """Two texts."""
    both = [TextSource(text=text, **voice) for text in ("First prompt.", "Second prompt.")]
    return lambda client, given: several(client, given, *both)


def barge_in(client: CallAutomationClient, given: Given, source: Any) -> None:
    """Play something at once, whatever plays."""
    call(client, given).play_media_to_all(
        source,
        interrupt_call_media_operation=True,
        operation_context="interruptContext",
        operation_callback_url=given["operationCallbackUrl"],
        loop=False,
    )


def barge_in_with_text(client: CallAutomationClient, given: Given) -> None:
    barge_in(client, given, TextSource(text="Interrupt prompt", voice_name="en-US-NancyNeural"))


def barge_in_with_file(client: CallAutomationClient, given: Given) -> None:
    barge_in(client, given, FileSource(given["audioUrl"]))


def in_a_loop(client: CallAutomationClient, given: Given) -> None:
    source = TextSource(text=TEXT, voice_name=ELIZABETH)
    call(client, given).play_media(play_source=source, loop=True)


def cached_file(client: CallAutomationClient, given: Given) -> None:
    source = FileSource(url=given["audioUrl"], play_source_cache_id=given["playSourceId"])
    call(client, given).play_media(play_source=source, play_to=[number(given)])


def cancel_all(client: CallAutomationClient, given: Given) -> None:
    call(client, given).cancel_all_media_operations()


PLAY: dict[str, Snippet] = {
    "answer": answer,
    "play-file-to-all": file_to_all,
    "play-file-to-one": file_to_one,
    "play-files": files,
    "play-text-by-gender": to_one(
        TextSource(text=TEXT, source_locale="en-US", voice_kind=VoiceKind.FEMALE),
    ),
    "play-texts-by-gender": texts(source_locale="en-US", voice_kind=VoiceKind.FEMALE),
    "play-text-by-voice": to_all(TextSource(text=TEXT, voice_name=ELIZABETH)),
    "play-texts-by-voice": texts(voice_name=ELIZABETH),
    "play-text-to-one": to_one(TextSource(text=TEXT, voice_name=ELIZABETH)),
    "play-ssml": to_one(SsmlSource(ssml_text=ssml("en-US-JennyNeural"))),
    "play-custom-voice": to_one(
        TextSource(
            text=TEXT, voice_name="YourCustomVoiceName", custom_voice_endpoint_id="YourCustomEndpointId"
        )
    ),
    "play-custom-voice-ssml": to_one(
        SsmlSource(ssml_text=ssml("YourCustomVoiceName"), custom_voice_endpoint_id="YourCustomEndpointId")
    ),
    "play-in-a-loop": in_a_loop,
    "barge-in-with-text": barge_in_with_text,
    "barge-in-with-file": barge_in_with_file,
    "play-cached-file": cached_file,
    "cancel-all": cancel_all,
}

EXPRESSIVE = (
    '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis"'
    ' xmlns:mstts="http://www.w3.org/2001/mstts" xml:lang="en-US"><voice name="en-US-JennyNeural">'
    '<mstts:express-as style="cheerful">Hi, how can I help you today?</mstts:express-as><s /></voice></speak>'
)


def respond(client: CallAutomationClient, given: Given) -> None:
    """What the page says when a choice was none."""
    source = TextSource(text="Invalid speech phrase detected.", voice_name=ELIZABETH)
    call(client, given).play_media(play_source=source, operation_context="ResponseToChoice", loop=False)


# --- the recognise pages --------------------------------------------------------------------------------


def recognise(kind: RecognizeInputType, **options: Any) -> Snippet:
    """Recognise what the target does."""
    return lambda client, given: call(client, given).start_recognizing_media(
        input_type=kind, target_participant=number(given), **options
    )


RECOGNISE: dict[str, Snippet] = {
    "recognise-dtmf": recognise(
        RecognizeInputType.DTMF,
        dtmf_max_tones_to_collect=3,
        initial_silence_timeout=30,
        play_prompt=TextSource(text="Welcome to Contoso, please enter 3 DTMF.", voice_name=ELIZABETH),
        dtmf_inter_tone_timeout=5,
        interrupt_prompt=True,
        dtmf_stop_tones=[DtmfTone.POUND],
    ),
    "recognise-choices": recognise(
        RecognizeInputType.CHOICES,
        choices=CHOICES,
        interrupt_prompt=True,
        initial_silence_timeout=30,
        play_prompt=TextSource(text=REMINDER, voice_name=ELIZABETH),
        operation_context="AppointmentReminderMenu",
        speech_recognition_model_endpoint_id=MODEL,
    ),
    "recognise-speech": recognise(
        RecognizeInputType.SPEECH,
        end_silence_timeout=1,
        play_prompt=QUESTION,
        operation_context="OpenQuestionSpeech",
        speech_recognition_model_endpoint_id=MODEL,
    ),
    "recognise-speech-or-dtmf": recognise(
        RecognizeInputType.SPEECH_OR_DTMF,
        dtmf_max_tones_to_collect=1,
        end_silence_timeout=1,
        play_prompt=TextSource(
            text="Hi, how can I help you today, you can also press 0 to speak to an agent.",
            voice_name=ELIZABETH,
        ),
        initial_silence_timeout=30,
        interrupt_prompt=True,
        operation_context="OpenQuestionSpeechOrDtmf",
        speech_recognition_model_endpoint_id=MODEL,
    ),
    "recognise-speech-over-ssml": recognise(
        RecognizeInputType.SPEECH,
        interrupt_call_media_operation=True,
        interrupt_prompt=False,
        play_prompt=SsmlSource(ssml_text=EXPRESSIVE, play_source_cache_id="playSourceId"),
        end_silence_timeout=1,
        operation_context="OpenQuestionSpeech",
    ),
    "play-response": respond,
    "recognise-languages": recognise(
        RecognizeInputType.SPEECH,
        end_silence_timeout=15,
        play_prompt=QUESTION,
        operation_context="OpenQuestionSpeech",
        speech_language=["en-US", "es-ES", "hi-IN"],
        speech_recognition_model_endpoint_id=MODEL,
    ),
    "recognise-sentiment": recognise(
        RecognizeInputType.SPEECH,
        end_silence_timeout=15,
        play_prompt=QUESTION,
        operation_context="OpenQuestionSpeech",
        IsSentimentAnalysisEnabled=True,
        speech_recognition_model_endpoint_id=MODEL,
    ),
}

# --- the pages on mid-call media actions and on muting --------------------------------------------------


def send_dtmf(client: CallAutomationClient, given: Given) -> Any:
    return call(client, given).send_dtmf_tones(
        tones=[DtmfTone.ONE, DtmfTone.TWO, DtmfTone.THREE] * given.get("times", 1),
        target_participant=number(given),
        operation_context="dtmfs-to-ivr",
    )


def start_continuous(client: CallAutomationClient, given: Given) -> None:
    call(client, given).start_continuous_dtmf_recognition(
        target_participant=number(given), operation_context="dtmf-reco-on-c2"
    )


def stop_continuous(client: CallAutomationClient, given: Given) -> None:
    call(client, given).stop_continuous_dtmf_recognition(
        target_participant=number(given), operation_context="dtmf-reco-on-c2"
    )


def hold(client: CallAutomationClient, given: Given) -> None:
    call(client, given).hold(target_participant=number(given))


def hold_with_options(client: CallAutomationClient, given: Given) -> None:
    call(client, given).hold(
        target_participant=number(given),
        play_source=FileSource(url=given["audioUrl"]),
        operation_context="holdUserContext",
        operation_callback_url=given["operationCallbackUrl"],
    )


def unhold(client: CallAutomationClient, given: Given) -> None:
    call(client, given).unhold(target_participant=number(given))


def unhold_with_options(client: CallAutomationClient, given: Given) -> None:
    call(client, given).unhold(target_participant=number(given), operation_context="holdUserContext")


def mute(client: CallAutomationClient, given: Given) -> Any:
    user = CommunicationUserIdentifier(given["user"])
    return call(client, given).mute_participant(user, operation_context="OperationContext")


def mute_number(client: CallAutomationClient, given: Given) -> Any:
    return call(client, given).mute_participant(number(given))


CONTROL: dict[str, Snippet] = {
    "send-dtmf": send_dtmf,
    "start-continuous-dtmf": start_continuous,
    "stop-continuous-dtmf": stop_continuous,
    "hold": hold,
    "hold-with-options": hold_with_options,
    "unhold": unhold,
    "unhold-with-options": unhold_with_options,
    "mute": mute,
    "mute-number": mute_number,
}

SNIPPETS = {**PLAY, **RECOGNISE, **CONTROL}

# --- what the pages' event handlers read -----------------------------------------------------------------

Data = Mapping[str, Any]


def context(data: Data) -> dict[str, Any]:
    return {"context": data.get("operationContext")}


def failure(data: Data) -> dict[str, Any]:
    return {"message": data["resultInformation"]["message"], **context(data)}


def recognised(data: Data) -> dict[str, Any]:
    if data["recognitionType"] == "dtmf":
        return {"tones": data["dtmfResult"]["tones"], **context(data)}
    if data["recognitionType"] == "choices":
        choice = data["choiceResult"]
        return {"label": choice["label"], "phrase": choice["recognizedPhrase"], **context(data)}
    return {"text": data["speechResult"]["speech"], **context(data)}


def people(data: Data) -> dict[str, Any]:
    return {
        "people": [
            {"id": one["identifier"]["rawId"], "isMuted": one["isMuted"], "isOnHold": one["isOnHold"]}
            for one in data["participants"]
        ]
    }


READERS: dict[str, Callable[[Data], dict[str, Any]]] = {
    "ParticipantsUpdated": people,
    "PlayStarted": context,
    "PlayCompleted": context,
    "PlayCanceled": context,
    "PlayFailed": failure,
    "RecognizeCompleted": recognised,
    "RecognizeFailed": failure,
    "RecognizeCanceled": context,
    "SendDtmfTonesCompleted": context,
    "SendDtmfTonesFailed": failure,
    "ContinuousDtmfRecognitionToneReceived": lambda data: {
        "sequenceId": data["sequenceId"],
        "tone": data["tone"],
        "context": data["operationContext"],
    },
    "ContinuousDtmfRecognitionStopped": context,
}
