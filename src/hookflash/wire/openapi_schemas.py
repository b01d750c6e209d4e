"""Wire models as JSON Schema: names, types and texts from the models, bounds from their checks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from hookflash.wire import constraints as bounds
from hookflash.wire import identity

Schema = dict[str, Any]

REFERENCE = "#/components/schemas/{name}"

_URI = {"format": "uri", "maxLength": bounds.MAX_URI}
_CONTEXT = {"maxLength": bounds.MAX_CONTEXT}

_EVERYWHERE: dict[str, Schema] = {
    "callbackUri": {**_URI, "description": "Where events go. https, unless the server also allows http."},
    "operationCallbackUri": {**_URI, "description": "Where the events of this operation go instead."},
    "operationContext": {
        **_CONTEXT,
        "description": "Comes back in the answer and in every event of the operation.",
    },
    "incomingCallContext": {
        "minLength": 1,
        "maxLength": bounds.MAX_CALL_CONTEXT,
        "description": "From the IncomingCall event; good for one use.",
    },
    "sourceDisplayName": {"maxLength": bounds.MAX_DISPLAY_NAME},
    "transportUrl": {
        "format": "uri",
        "description": "The WebSocket to connect to: wss, or ws where allowed.",
    },
}
"""By the name of the property, whatever it is in."""

_ONE: dict[str, dict[str, Schema]] = {
    "CreateCallRequest": {"targets": {"minItems": 1, "maxItems": bounds.MAX_TARGETS}},
    "AddParticipantRequest": {
        "invitationTimeoutInSeconds": {
            "minimum": bounds.INVITATION_TIMEOUT[0],
            "maximum": bounds.INVITATION_TIMEOUT[1],
        }
    },
    "MuteParticipantsRequest": {"targetParticipants": {"minItems": 1, "maxItems": 1}},
    "MoveParticipantsRequest": {"targetParticipants": {"minItems": 1, "maxItems": bounds.MAX_TARGETS}},
    "PlayRequest": {"playSources": {"minItems": 1, "maxItems": bounds.MAX_PLAY_SOURCES}},
    "InterruptAudioAndAnnounceRequest": {"playSources": {"minItems": 1, "maxItems": bounds.MAX_PLAY_SOURCES}},
    "RecognizeOptions": {
        "initialSilenceTimeoutInSeconds": {
            "minimum": 0,
            "maximum": bounds.MAX_INITIAL_SILENCE,
            "description": f"{bounds.MAX_INITIAL_SILENCE_SPEECH} at most are waited for speech and choices.",
        },
        "choices": {"maxItems": bounds.MAX_CHOICES},
        "speechLanguages": {"maxItems": bounds.MAX_SPEECH_LANGUAGES},
    },
    "DtmfOptions": {
        "interToneTimeoutInSeconds": {
            "minimum": bounds.INTER_TONE_TIMEOUT[0],
            "maximum": bounds.INTER_TONE_TIMEOUT[1],
        },
        "maxTonesToCollect": {"minimum": 1, "maximum": bounds.MAX_TONES_TO_COLLECT},
    },
    "RecognitionChoice": {"phrases": {"maxItems": bounds.MAX_PHRASES}, "label": {"minLength": 1}},
    "SendDtmfTonesRequest": {"tones": {"minItems": 1, "maxItems": bounds.MAX_DTMF_TONES}},
    "TextSource": {"text": {"maxLength": bounds.MAX_TEXT}},
    "FileSource": {"uri": _URI},
    "ChannelAffinity": {"channel": {"minimum": 0, "maximum": bounds.MAX_CHANNEL}},
    "StartCallRecordingRequest": {
        "recordingStateCallbackUri": _URI,
        "recordingContentType": {
            "description": "audio; left out it is audioVideo, which is refused (400/8523): there is no video."
        },
        "recordingFormatType": {
            "description": "Mixed audio is mp3 or wav, unmixed audio wav (400/8557); left out, the first one."
        },
        "channelAffinity": {"maxItems": bounds.MAX_CHANNEL + 1},
    },
    "CreateIdentityRequest": {
        "expiresInMinutes": {
            "minimum": identity.MIN_EXPIRY_MINUTES,
            "maximum": identity.MAX_EXPIRY_MINUTES,
            "default": identity.DEFAULT_EXPIRY_MINUTES,
        }
    },
    "IssueTokenRequest": {
        "scopes": {"minItems": 1},
        "expiresInMinutes": {
            "minimum": identity.MIN_EXPIRY_MINUTES,
            "maximum": identity.MAX_EXPIRY_MINUTES,
            "default": identity.DEFAULT_EXPIRY_MINUTES,
        },
    },
    "CustomCallingContext": {
        "sipHeaders": {
            "description": f"At most {bounds.MAX_SIP_HEADERS} names X-MS-Custom-* or X-*, and User-To-User."
        },
        "voipHeaders": {"maxProperties": bounds.MAX_VOIP_HEADERS},
    },
    "TeamsPhoneCallDetails": {"callTopic": {"maxLength": bounds.MAX_CALL_TOPIC}},
    "CommunicationIdentifierModel": {"rawId": {"maxLength": 1024}},
}
"""By schema and property: what the types do not say and the checks do."""


def schemas(models: Iterable[type[msgspec.Struct]]) -> dict[str, Schema]:
    """The schemas of these models and of all that they hold, by name."""
    _, found = msgspec.json.schema_components(list(models), ref_template=REFERENCE)
    return {name: _tidy(name, schema) for name, schema in sorted(found.items())}


def reference(model: type[msgspec.Struct]) -> Schema:
    """A reference to the schema of a model."""
    return {"$ref": REFERENCE.format(name=model.__name__)}


def _tidy(name: str, schema: Schema) -> Schema:
    tidied: Schema = {key: value for key, value in schema.items() if key != "required" or value}
    if "enum" in tidied:
        tidied = {"type": "string", **tidied}
    if "description" in tidied:
        text = plain(tidied.pop("description"))
        if text:
            tidied["description"] = text
    if "properties" in tidied:
        extra = _ONE.get(name, {})
        tidied["properties"] = {
            field: _with(_present(one), {**_EVERYWHERE.get(field, {}), **extra.get(field, {})})
            for field, one in tidied["properties"].items()
        }
    return tidied


def _present(schema: Schema) -> Schema:
    """A property as it is when it is there. Null counts as missing everywhere; that is told once."""
    found = {key: value for key, value in schema.items() if key != "default" or value is not None}
    choices = found.get("anyOf")
    if choices is not None:
        left = [one for one in choices if one != {"type": "null"}]
        rest = {key: value for key, value in found.items() if key != "anyOf"}
        found = {**left[0], **rest} if len(left) == 1 else {**rest, "anyOf": left}
    return found


def _with(schema: Schema, extra: Schema) -> Schema:
    return {**schema, **extra}


_OURS = re.compile(r"\s*\((?:see )?contract sections?[^)]*\)")
_ROLE = re.compile(r":(?:meth|func|mod|class|data):|contract section|`[A-Z]+_[A-Z_]+`")


def plain(docstring: str) -> str:
    """A docstring for readers who do not have the source: no roles, no sections, code in single backticks."""
    text = " ".join(_OURS.sub("", docstring).split()).replace("``", "`")
    sentences = [one for one in re.split(r"(?<=[.;]) ", text) if not _ROLE.search(one)]
    shown = " ".join(sentences).strip()
    return shown[:-1] + "." if shown.endswith(";") else shown
