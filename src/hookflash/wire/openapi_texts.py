"""Words for the OpenAPI document: what each operation does, which events follow it, what its ids are."""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    """``tag`` groups operations, ``summary`` is a line, ``then`` names what follows, mostly events."""

    tag: str
    summary: str
    then: str = ""


TAGS = {
    "Calls": "Make, take, join, move on and end calls.",
    "Participants": "Who is in a call.",
    "Media": "What is heard, said and pressed in a call.",
    "Recordings": "Recordings of calls.",
    "Identities": "Communication users and their tokens.",
    "Numbers": "The numbers of a resource.",
    "Keys": "The keys that tokens of this server are signed with; open to everybody.",
    "Other": "Operations beside those.",
    "Hookflash": "Hookflash's own operations; no SDK knows them.",
}

TEXTS: dict[str, Text] = {
    "createCall": Text(
        "Calls",
        "Call one or several people.",
        "CallConnected when the first answers, else CreateCallFailed and CallDisconnected. "
        "Users of this server whose apps are subscribed get IncomingCall.",
    ),
    "answerCall": Text(
        "Calls",
        "Answer the incoming call that an IncomingCall event is about.",
        "CallConnected, or AnswerFailed.",
    ),
    "redirectCall": Text("Calls", "Send an incoming call on to somebody else, unanswered."),
    "rejectCall": Text("Calls", "Reject an incoming call, with a reason."),
    "connect": Text(
        "Calls",
        "Join a call that is there: by its serverCallId, a group id or a room id.",
        "CallConnected, or ConnectFailed.",
    ),
    "getCall": Text("Calls", "The state and properties of a call connection."),
    "hangupCall": Text("Calls", "Leave the call; the others stay in it.", "CallDisconnected."),
    "terminateCall": Text("Calls", "End the call for everybody.", "CallDisconnected."),
    "transferToParticipant": Text(
        "Calls",
        "Hand a participant over to somebody else.",
        "CallTransferAccepted, or CallTransferFailed; then the call is usable as before.",
    ),
    "getParticipants": Text("Participants", "Everybody in the call."),
    "getParticipant": Text("Participants", "One participant, by the percent-encoded rawId."),
    "addParticipant": Text(
        "Participants",
        "Invite somebody into the call.",
        "AddParticipantSucceeded or AddParticipantFailed.",
    ),
    "removeParticipant": Text(
        "Participants",
        "Remove somebody from the call.",
        "RemoveParticipantSucceeded or RemoveParticipantFailed.",
    ),
    "muteParticipants": Text(
        "Participants",
        "Mute a communication user.",
        "ParticipantsUpdated with isMuted.",
    ),
    "cancelAddParticipant": Text(
        "Participants",
        "Take an invitation back that is not answered yet.",
        "CancelAddParticipantSucceeded or CancelAddParticipantFailed.",
    ),
    "moveParticipants": Text(
        "Participants",
        "Move participants from another call of the same app into this one.",
        "MoveParticipantSucceeded or MoveParticipantFailed.",
    ),
    "unmuteParticipants": Text("Participants", "Unmute a communication user.", "ParticipantsUpdated."),
    "play": Text(
        "Media",
        "Play audio to everybody or to some.",
        "PlayStarted, then PlayCompleted, PlayFailed or PlayCanceled.",
    ),
    "recognize": Text(
        "Media",
        "Collect what a participant presses, after a prompt if one is given.",
        "RecognizeCompleted, RecognizeFailed or RecognizeCanceled.",
    ),
    "cancelAllMediaOperations": Text(
        "Media",
        "Cancel every media operation that runs or waits in the call.",
        "A canceled event of each.",
    ),
    "startContinuousDtmfRecognition": Text(
        "Media",
        "Tell every key that a participant presses from now on.",
        "ContinuousDtmfRecognitionToneReceived for each.",
    ),
    "stopContinuousDtmfRecognition": Text("Media", "Stop telling keys.", "ContinuousDtmfRecognitionStopped."),
    "sendDtmfTones": Text(
        "Media",
        "Press keys towards a phone.",
        "SendDtmfTonesCompleted or SendDtmfTonesFailed.",
    ),
    "hold": Text(
        "Media",
        "Put a participant on hold, with music or without.",
        "ParticipantsUpdated with isOnHold, or HoldFailed.",
    ),
    "unhold": Text("Media", "Take a participant off hold.", "ParticipantsUpdated with isOnHold."),
    "startHoldMusic": Text("Media", "Put a participant on hold with music."),
    "stopHoldMusic": Text("Media", "Take a participant off hold."),
    "interruptAudioAndAnnounce": Text(
        "Media",
        "Interrupt what a participant hears with an announcement.",
        "PlayStarted, then PlayCompleted, PlayFailed or PlayCanceled.",
    ),
    "startMediaStreaming": Text(
        "Media",
        "Send the audio of the call to the WebSocket that was named when the call was set up.",
        "MediaStreamingStarted or MediaStreamingFailed.",
    ),
    "stopMediaStreaming": Text("Media", "Stop sending audio.", "MediaStreamingStopped."),
    "startTranscription": Text(
        "Media",
        "Send transcripts of the call to the WebSocket that was named when the call was set up.",
        "TranscriptionStarted or TranscriptionFailed.",
    ),
    "stopTranscription": Text("Media", "Stop sending transcripts.", "TranscriptionStopped."),
    "updateTranscription": Text(
        "Media", "Change the language or model of a transcription.", "TranscriptionUpdated."
    ),
    "summarizeCall": Text("Media", "Summarise the call."),
    "startDialog": Text("Media", "Let a bot lead the conversation."),
    "stopDialog": Text("Media", "End a bot's part in the call."),
    "updateDialog": Text("Media", "Tell a bot something."),
    "startRecording": Text(
        "Recordings", "Record the audio of a call.", "RecordingStateChanged or StartRecordingFailed."
    ),
    "getRecordingState": Text("Recordings", "The state of a recording."),
    "stopRecording": Text("Recordings", "End a recording.", "RecordingStateChanged."),
    "pauseRecording": Text("Recordings", "Pause a recording.", "RecordingStateChanged."),
    "resumeRecording": Text("Recordings", "Go on with a paused recording.", "RecordingStateChanged."),
    "getRecordingResult": Text("Recordings", "The files of a recording that has ended."),
    "createIdentity": Text("Identities", "Create a communication user, with a token if scopes are given."),
    "issueAccessToken": Text("Identities", "Issue an access token to a user."),
    "revokeAccessTokens": Text("Identities", "Void all tokens of a user."),
    "deleteIdentity": Text("Identities", "Delete a user and void its tokens."),
    "exchangeTeamsUserAccessToken": Text("Identities", "Exchange a token of a Teams user."),
    "listPhoneNumbers": Text("Numbers", "The numbers of the resource."),
    "getPhoneNumber": Text("Numbers", "One number of the resource, percent-encoded: `%2B18005550100`."),
    "listAvailableCountries": Text("Numbers", "The countries of the resource's numbers."),
    "getSipConfiguration": Text("Numbers", "The trunks and routes that calls of the resource go by."),
    "updateSipConfiguration": Text(
        "Numbers", "Set or delete trunks of the resource (null deletes), or set its routes, by a merge patch."
    ),
}
"""By the name of the operation."""

IDS = {
    "callConnectionId": (
        "The connection of an app to a call: `callConnectionId` of the answer that set it up "
        "and of every event."
    ),
    "participantRawId": "The rawId of a participant, percent-encoded: `4%3A%2B14255550123`.",
    "recordingId": "The id of a recording, from the answer that started it.",
    "dialogId": "The id of a dialog.",
    "id": "The id of a communication user, percent-encoded: `8%3Aacs%3A...`.",
}
"""By the name in the path."""

_PHONE: dict[str, object] = {
    "rawId": "4:+14255550123",
    "kind": "phoneNumber",
    "phoneNumber": {"value": "+14255550123"},
}
_HELLO: dict[str, object] = {"kind": "file", "file": {"uri": "https://app.example/hello.wav"}}
_CALLBACK = "https://app.example/callbacks"
_CONTEXT = "order-4711"

EXAMPLES: dict[str, dict[str, object]] = {
    "CommunicationIdentifierModel": _PHONE,
    "PlaySource": _HELLO,
    "CustomCallingContext": {"sipHeaders": {"X-MS-Custom-Order": "4711"}, "voipHeaders": {"order": "4711"}},
    "CreateCallRequest": {
        "targets": [_PHONE],
        "sourceCallerIdNumber": {"value": "+18005550100"},
        "callbackUri": _CALLBACK,
        "operationContext": _CONTEXT,
    },
    "AnswerCallRequest": {
        "incomingCallContext": "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0...",
        "callbackUri": _CALLBACK,
    },
    "RedirectCallRequest": {
        "incomingCallContext": "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0...",
        "target": _PHONE,
    },
    "RejectCallRequest": {
        "incomingCallContext": "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0...",
        "callRejectReason": "busy",
    },
    "ConnectRequest": {
        "callLocator": {"kind": "groupCallLocator", "groupCallId": "29228d3e-040e-4656-a70e-890ab4e173e5"},
        "callbackUri": _CALLBACK,
    },
    "TransferToParticipantRequest": {"targetParticipant": _PHONE, "operationContext": _CONTEXT},
    "AddParticipantRequest": {
        "participantToAdd": _PHONE,
        "sourceCallerIdNumber": {"value": "+18005550100"},
        "invitationTimeoutInSeconds": 30,
    },
    "RemoveParticipantRequest": {"participantToRemove": _PHONE},
    "MuteParticipantsRequest": {
        "targetParticipants": [
            {"communicationUser": {"id": "8:acs:1bdaa2b9-9507-4542-bb64-a7b22c00a8d4_alice"}}
        ]
    },
    "CancelAddParticipantRequest": {"invitationId": "3d2a1f26-6e2c-4c53-a2a7-4a9a8c1de1f0"},
    "MoveParticipantsRequest": {
        "targetParticipants": [_PHONE],
        "fromCall": "2c006980-8ef1-46c2-84fa-357fefac0893",
    },
    "PlayRequest": {"playSources": [_HELLO], "playTo": [], "playOptions": {"loop": False}},
    "RecognizeRequest": {
        "recognizeInputType": "dtmf",
        "playPrompts": [_HELLO],
        "recognizeOptions": {
            "targetParticipant": _PHONE,
            "interruptPrompt": True,
            "initialSilenceTimeoutInSeconds": 10,
            "dtmfOptions": {"maxTonesToCollect": 4, "stopTones": ["pound"]},
        },
    },
    "ContinuousDtmfRecognitionRequest": {"targetParticipant": _PHONE},
    "SendDtmfTonesRequest": {"tones": ["one", "two", "pound"], "targetParticipant": _PHONE},
    "HoldRequest": {"targetParticipant": _PHONE, "playSourceInfo": _HELLO},
    "UnholdRequest": {"targetParticipant": _PHONE},
    "StartHoldMusicRequest": {"targetParticipant": _PHONE, "playSourceInfo": _HELLO},
    "StopHoldMusicRequest": {"targetParticipant": _PHONE},
    "InterruptAudioAndAnnounceRequest": {"playSources": [_HELLO], "playTo": _PHONE},
    "StartMediaStreamingRequest": {"operationContext": _CONTEXT},
    "StopMediaStreamingRequest": {},
    "StartTranscriptionRequest": {"locale": "en-US"},
    "StopTranscriptionRequest": {},
    "UpdateTranscriptionRequest": {"locale": "de-DE"},
    "StartCallRecordingRequest": {
        "callLocator": {
            "kind": "serverCallLocator",
            "serverCallId": "aHR0cHM6Ly9ob29rZmxhc2guZXhhbXBsZS9jb252L2FiYw==",
        },
        "recordingContentType": "audio",
        "recordingChannelType": "mixed",
        "recordingFormatType": "wav",
    },
    "CreateIdentityRequest": {"createTokenWithScopes": ["voip"], "expiresInMinutes": 1440},
    "IssueTokenRequest": {"scopes": ["voip"]},
    "TeamsTokenExchangeRequest": {
        "token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9...",
        "appId": "57957b0e-5b2f-4a1b-8a40-6d0b4b5f0d4f",
        "userId": "e7a0a5e4-95d5-4d2c-b1d5-9a8d0c6b4a3c",
    },
    "CallConnectionProperties": {
        "callConnectionId": "2c006980-8ef1-46c2-84fa-357fefac0893",
        "callConnectionState": "connecting",
        "callbackUri": _CALLBACK,
        "targets": [_PHONE],
        "sourceCallerIdNumber": {"value": "+18005550100"},
        "correlationId": "5683b58d-bb85-4073-ae9a-c03488d4291d",
    },
    "GetParticipantsResponse": {"value": [{"identifier": _PHONE, "isMuted": False, "isOnHold": False}]},
    "CallParticipant": {"identifier": _PHONE, "isMuted": False, "isOnHold": False},
    "RecordingStateResponse": {
        "recordingId": "eyJQbGF0Zm9ybUVuZHBvaW50SWQiOiIyYzAwNjk4MCJ9",
        "recordingState": "active",
        "recordingKind": "azureCommunicationServices",
    },
    "OperationResponse": {"operationContext": _CONTEXT},
}
"""One body of each model, by the name of the schema."""
