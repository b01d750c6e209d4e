"""The official SDKs behind the scenarios' operation names: arguments in, plain values out.

Arguments carry the wire's names, with raw ids for identifiers; answers come back the same way, read from the
SDK's own models. The same tables serve the synchronous and the asynchronous clients.
"""

from __future__ import annotations

import enum
import inspect
import re
from datetime import datetime, timedelta
from typing import Any

from azure.communication import callautomation as ca
from azure.communication.callautomation import CallAutomationClient, FileSource, SsmlSource, TextSource
from azure.communication.callautomation._shared.models import identifier_from_raw_id
from azure.communication.callautomation.aio import CallAutomationClient as AioCallAutomationClient
from azure.communication.identity import CommunicationIdentityClient
from azure.communication.identity.aio import CommunicationIdentityClient as AioCommunicationIdentityClient
from azure.communication.phonenumbers import PhoneNumbersClient
from azure.communication.phonenumbers.aio import PhoneNumbersClient as AioPhoneNumbersClient
from azure.core.credentials import AccessToken, AzureKeyCredential

CLIENTS = {
    "calls": (CallAutomationClient, AioCallAutomationClient),
    "identity": (CommunicationIdentityClient, AioCommunicationIdentityClient),
    "numbers": (PhoneNumbersClient, AioPhoneNumbersClient),
}

# Operation: which client ("call" is the client of one connection), its method, arguments given by position.
OPERATIONS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "createCall": ("calls", "create_call", ("targets", "callbackUri")),
    "createGroupCall": ("calls", "create_group_call", ("targets", "callbackUri")),
    "answerCall": ("calls", "answer_call", ("incomingCallContext", "callbackUri")),
    "redirectCall": ("calls", "redirect_call", ("incomingCallContext", "target")),
    "rejectCall": ("calls", "reject_call", ("incomingCallContext",)),
    "connect": ("calls", "connect_call", ("callbackUri",)),
    "startRecording": ("calls", "start_recording", ()),
    "getRecordingState": ("calls", "get_recording_properties", ("recordingId",)),
    "stopRecording": ("calls", "stop_recording", ("recordingId",)),
    "pauseRecording": ("calls", "pause_recording", ("recordingId",)),
    "resumeRecording": ("calls", "resume_recording", ("recordingId",)),
    "getCall": ("call", "get_call_properties", ()),
    "hangupCall": ("call", "hang_up", ("forEveryone",)),
    "terminateCall": ("call", "hang_up", ("forEveryone",)),
    "transferToParticipant": ("call", "transfer_call_to_participant", ("targetParticipant",)),
    "getParticipants": ("call", "list_participants", ()),
    "getParticipant": ("call", "get_participant", ("participant",)),
    "addParticipant": ("call", "add_participant", ("participantToAdd",)),
    "removeParticipant": ("call", "remove_participant", ("participantToRemove",)),
    "muteParticipants": ("call", "mute_participant", ("targetParticipant",)),
    "cancelAddParticipant": ("call", "cancel_add_participant_operation", ("invitationId",)),
    "moveParticipants": ("call", "move_participants", ("targetParticipants", "fromCall")),
    "play": ("call", "play_media", ("playSources",)),
    "playToAll": ("call", "play_media_to_all", ("playSources",)),
    "recognize": ("call", "start_recognizing_media", ("recognizeInputType", "targetParticipant")),
    "cancelAllMediaOperations": ("call", "cancel_all_media_operations", ()),
    "startContinuousDtmfRecognition": ("call", "start_continuous_dtmf_recognition", ("targetParticipant",)),
    "stopContinuousDtmfRecognition": ("call", "stop_continuous_dtmf_recognition", ("targetParticipant",)),
    "sendDtmfTones": ("call", "send_dtmf_tones", ("tones", "targetParticipant")),
    "hold": ("call", "hold", ("targetParticipant",)),
    "unhold": ("call", "unhold", ("targetParticipant",)),
    "startMediaStreaming": ("call", "start_media_streaming", ()),
    "stopMediaStreaming": ("call", "stop_media_streaming", ()),
    "startTranscription": ("call", "start_transcription", ()),
    "stopTranscription": ("call", "stop_transcription", ()),
    "updateTranscription": ("call", "update_transcription", ()),
    "createIdentity": ("identity", "create_user", ()),
    "createIdentityAndToken": ("identity", "create_user_and_token", ("scopes",)),
    "issueAccessToken": ("identity", "get_token", ("user", "scopes")),
    "revokeAccessTokens": ("identity", "revoke_tokens", ("user",)),
    "deleteIdentity": ("identity", "delete_user", ("user",)),
    "exchangeTeamsUserAccessToken": ("identity", "get_token_for_teams_user", ("token", "appId", "userId")),
    "listPhoneNumbers": ("numbers", "list_purchased_phone_numbers", ()),
    "getPhoneNumber": ("numbers", "get_purchased_phone_number", ("phoneNumber",)),
}

IDENTIFIERS = {
    "targets", "target", "targetParticipant", "targetParticipants", "participantToAdd", "participantToRemove",
    "participant", "transferee", "playTo", "sourceCallerIdNumber", "user", "source", "teamsAppSource",
    "audioChannelParticipantOrdering",
}  # fmt: skip
RENAMED = {
    "callbackUri": "callback_url",
    "operationCallbackUri": "operation_callback_url",
    "recordingStateCallbackUri": "recording_state_callback_url",
    "recordingContentType": "recording_content_type",
    "invitationTimeoutInSeconds": "invitation_timeout",
    "playPrompts": "play_prompt",
    "playSourceInfo": "play_source",
    "initialSilenceTimeoutInSeconds": "initial_silence_timeout",
    "interToneTimeoutInSeconds": "dtmf_inter_tone_timeout",
    "maxTonesToCollect": "dtmf_max_tones_to_collect",
    "stopTones": "dtmf_stop_tones",
    "endSilenceTimeoutInSeconds": "end_silence_timeout",
    "speechModelEndpointId": "speech_recognition_model_endpoint_id",
    "mediaStreamingOptions": "media_streaming",
    "transcriptionOptions": "transcription",
    "externalStorage": "recording_storage",
    "expiresInMinutes": "token_expires_in",
    "createTokenWithScopes": "scopes",
}
ANSWERED = {
    "callbackUrl": "callbackUri",
    "userDisplayName": "displayName",
    "expireTime": "expiresOn",
}
"""Names of the SDK's result models that are not the wire's."""


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def camel(name: str) -> str:
    first, *rest = name.lstrip("_").split("_")
    return first + "".join(part.title() for part in rest)


def source_of(given: dict[str, Any]) -> Any:
    """A play source: ``{"file": url}``, ``{"text": ...}`` or ``{"ssml": ...}`` with its options."""
    given = dict(given)
    options = {snake(key): value for key, value in given.items() if key not in ("file", "text", "ssml")}
    if "file" in given:
        return FileSource(url=given["file"], **options)
    if "text" in given:
        return TextSource(text=given["text"], **options)
    return SsmlSource(ssml_text=given["ssml"], **options)


def argument(name: str, value: Any) -> Any:
    """An argument as the SDK wants it."""
    if name in IDENTIFIERS:
        if isinstance(value, list):
            return [identifier_from_raw_id(one) for one in value]
        return identifier_from_raw_id(value)
    if name in ("playSources", "playPrompts"):
        sources = [source_of(one) for one in value]
        return sources[0] if len(sources) == 1 else sources
    if name == "playSourceInfo":
        return source_of(value)
    if name == "mediaStreamingOptions":
        return ca.MediaStreamingOptions(**{snake(key): one for key, one in value.items()})
    if name == "transcriptionOptions":
        return ca.TranscriptionOptions(**{snake(key): one for key, one in value.items()})
    if name == "choices":
        return [ca.RecognitionChoice(**one) for one in value]
    if name == "channelAffinity":
        return [
            ca.ChannelAffinity(
                channel=one["channel"], target_participant=identifier_from_raw_id(one["participant"])
            )
            for one in value
        ]
    if name == "externalStorage":
        return (
            ca.AzureBlobContainerRecordingStorage(value)
            if value
            else ca.AzureCommunicationsRecordingStorage()
        )
    if name == "expiresInMinutes":
        return timedelta(minutes=value)
    return value


def teams_details(given: dict[str, Any]) -> Any:
    """``teamsPhoneCallDetails`` of a custom calling context."""
    given = dict(given)
    if caller := given.pop("teamsPhoneCallerDetails", None):
        caller = {snake(key): value for key, value in caller.items()}
        caller["caller"] = identifier_from_raw_id(caller["caller"])
        given["teamsPhoneCaller"] = ca.TeamsPhoneCallerDetails(**caller)
    if source := given.pop("teamsPhoneSourceDetails", None):
        source = {snake(key): value for key, value in source.items()}
        source["source"] = identifier_from_raw_id(source["source"])
        targets = source.get("intended_targets") or {}
        source["intended_targets"] = {key: identifier_from_raw_id(one) for key, one in targets.items()}
        given["teamsPhoneSource"] = ca.TeamsPhoneSourceDetails(**source)
    return ca.TeamsPhoneCallDetails(**{snake(key): value for key, value in given.items()})


def plain(value: Any) -> Any:
    """A result model as plain values: the wire's names, identifiers as raw ids, absent for None."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if hasattr(value, "token") and hasattr(value, "expires_on"):
        return {"token": value.token, "expiresOn": plain(value.expires_on)}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items() if one is not None}
    if hasattr(value, "raw_id"):
        return value.raw_id
    shown = {}
    for name, one in vars(value).items():
        if one is not None and not name.startswith("_") and name != "additional_properties":
            shown[ANSWERED.get(camel(name), camel(name))] = plain(one)
    return shown


class StaticToken:
    """A credential that hands out one token, as the SDKs ask for it."""

    def __init__(self, token: str) -> None:
        self._token = AccessToken(token, 4102444800)

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return self._token


class AioStaticToken(StaticToken):
    async def get_token(self, *_: str, **__: Any) -> AccessToken:  # type: ignore[override]
        return self._token

    async def close(self) -> None: ...

    async def __aenter__(self) -> AioStaticToken:
        return self

    async def __aexit__(self, *_: object) -> None: ...


class Sdk:
    """The clients of one flavour and one credential.

    Args:
        endpoint, given: of the resource; ``key`` or ``token``, and ``source``, the client's own identity,
            and ``version``, an api-version other than its newest.
        aio: use the asynchronous clients.
        options: for every client (CA file, hooks).
        used: gets the name of every client method called.
    """

    def __init__(
        self, endpoint: str, given: dict[str, str], aio: bool, options: dict[str, Any], used: set[str]
    ) -> None:
        self._used = used
        credential: Any = AzureKeyCredential(given["key"]) if "key" in given else None
        if credential is None:
            credential = AioStaticToken(given["token"]) if aio else StaticToken(given["token"])
        self._clients = {name: pair[aio](endpoint, credential, **options) for name, pair in CLIENTS.items()}
        self.version = given.get("version", "")
        if self.version:
            self._clients["calls"] = CLIENTS["calls"][aio](
                endpoint, credential, api_version=self.version, **options
            )
        if "source" in given:
            self._clients["calls"].source = identifier_from_raw_id(given["source"])

    async def call(self, operation: str, on: str, arguments: dict[str, Any]) -> Any:
        """Run an operation; its result as plain values."""
        kind, method, positional = OPERATIONS[operation]
        arguments = dict(arguments)
        if operation in ("hangupCall", "terminateCall"):
            arguments["forEveryone"] = operation == "terminateCall"
        client = self._clients["calls"].get_call_connection(on) if kind == "call" else self._clients[kind]
        self._used.add(f"{type(client).__module__.partition('._')[0]}.{type(client).__name__}.{method}")
        # These two are arguments of their own in this SDK.
        for field in ("callLocator", "customCallingContext"):
            for name, one in (arguments.pop(field, None) or {}).items():
                arguments[name] = teams_details(one) if name == "teamsPhoneCallDetails" else one
        by_position = [argument(name, arguments.pop(name)) for name in positional]
        by_name = {RENAMED.get(name, snake(name)): argument(name, one) for name, one in arguments.items()}
        result = getattr(client, method)(*by_position, **by_name)
        if inspect.isawaitable(result):
            result = await result
        if hasattr(result, "__aiter__"):
            return {"value": [plain(one) async for one in result]}
        if type(result).__name__ == "ItemPaged":
            return {"value": [plain(one) for one in result]}
        if isinstance(result, tuple) and not hasattr(result, "token"):
            return {"identity": plain(result[0]), "accessToken": plain(result[1])}
        if hasattr(result, "raw_id"):
            return {"identity": result.raw_id}
        return plain(result)

    async def close(self) -> None:
        for client in self._clients.values():
            closed = client.close() if hasattr(client, "close") else None
            if inspect.isawaitable(closed):
                await closed
