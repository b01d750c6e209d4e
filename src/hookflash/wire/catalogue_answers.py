"""Sub-codes that refuse a request; some also end an operation later, in an event (contract section 4.2)."""

from __future__ import annotations

from hookflash.wire.catalogue_row import Row

ANSWERS: tuple[Row, ...] = (
    Row(
        "7501",
        "invalid token",
        "The bearer token does not hold: it is malformed, expired, revoked, signed by somebody "
        "unknown, or it is not an access key where `/hookflash` asks for one.",
        "Get a new token. For the own surface send `Authorization: Bearer <access key of a resource>`.",
        answers=(401,),
        message="This part of /hookflash asks for a key: Authorization: Bearer <access key of a resource>.",
        target="Authorization",
    ),
    Row(
        "7504",
        "insufficient application permissions",
        "The request is authenticated, but who sent it may not do this.",
        "Use a key or token of a resource that may.",
        answers=(403,),
        message="This token may not do that.",
    ),
    Row(
        "7507",
        "call source identity invalid",
        "The call, recording or `incomingCallContext` belongs to another resource than the key "
        "that signed the request.",
        "Use the connection string of the resource that the call came to. With several resources, "
        "look at which one the number or the subscription names.",
        answers=(403,),
        message="This call belongs to another resource.",
        target="callConnectionId",
    ),
    Row(
        "7509",
        "HMAC validation",
        "The signature of the request does not hold: a header is missing, the clock is off, the "
        "body was changed on the way, or the key is not one of this server's.",
        "The message says which of these it is. Check the access key of the connection string "
        "first, then the clock of the app's machine. Behind a reverse proxy, keep the `Host` "
        "header and set `server.public_url` to the URL that apps use.",
        answers=(401,),
        message="The signature does not match with any access key of this server. ...",
        target="Authorization",
    ),
    Row(
        "8500",
        "invalid media mode",
        "The target takes part in a media operation that does not go together with this one.",
        "Wait for the event that ends the operation, or cancel it with `cancelAllMediaOperations`.",
        answers=(400,),
        message="The participant 4:+14255550123 is in a recognition already.",
        emitted=False,
    ),
    Row(
        "8501",
        "call not established",
        "The call is not up: it is still ringing, or it was answered a moment ago.",
        "Wait for `CallConnected`, then send the request.",
        answers=(400,),
        events={400: ("TranscriptionFailed", "MediaStreamingFailed")},
        message="The call is not established yet; wait for CallConnected.",
    ),
    Row(
        "8516",
        "call throttled",
        "More calls a second than the trunk may carry (`limits.calls_per_second` of `[[trunk]]`).",
        "Spread the calls over time, or raise the limit if the carrier has agreed to more.",
        events={503: ("CreateCallFailed", "AddParticipantFailed", "CallTransferFailed")},
        message="trunk carrier has had its 5 calls a second (limits.calls_per_second)",
    ),
    Row(
        "8519",
        "conflict",
        "Another request about the same thing is under way, or has just been decided otherwise.",
        "Wait for the events of the other request, look at the state (GET), and decide anew.",
        answers=(409,),
        message="The participant is being transferred; wait for CallTransferAccepted or CallTransferFailed.",
    ),
    Row(
        "8520",
        "not implemented",
        "The operation, or an option of it, is known but not offered here: by the platform itself "
        "(a target of a kind that cannot be called), or by this version of Hookflash.",
        "The message names what is not supported. Leave the option out, or use what it recommends; "
        "the [HTTP surfaces](../http-api.md) list what is served.",
        answers=(405,),
        events={405: ("TranscriptionFailed",)},
        message="The operation 'summarizeCall' is known, but this version of Hookflash does not offer it; do "
        "without it. What is offered is in /hookflash/openapi.json.",
    ),
    Row(
        "8521",
        "too many hops",
        "An incoming call was redirected so often that it would go in circles.",
        "Answer or reject the call. Look for two apps that redirect to each other.",
        source="inferred",
        answers=(400,),
        message="The incoming call has been redirected 5 times; answer or reject it.",
        target="incomingCallContext",
    ),
    Row(
        "8522",
        "not found",
        "With 404: there is no such call, participant, recording, invitation or incoming call, or "
        "it is over. With 405: the call was set up without what the operation needs, such as a "
        "transport URL or a cognitive services endpoint.",
        "With 404: the message names the id and what stands in its way; a `callConnectionId` "
        "belongs to one leg of one app, and an `incomingCallContext` can be used once. With 405: "
        "give the option when the call is created, answered or connected; it cannot be added later.",
        answers=(404, 405),
        events={
            404: (
                "AddParticipantFailed",
                "RemoveParticipantFailed",
                "CancelAddParticipantFailed",
                "MoveParticipantFailed",
                "CallTransferFailed",
                "SendDtmfTonesFailed",
                "ContinuousDtmfRecognitionToneFailed",
                "HoldFailed",
            ),
            405: ("TranscriptionFailed", "MediaStreamingFailed"),
        },
        message="Call not found: there is no call connection '2c006980-8ef1-46c2-84fa-357fefac0893'.",
        target="callConnectionId",
    ),
    Row(
        "8523",
        "invalid argument",
        "A field of the body, a header, or a part of the path or query is missing, of the wrong "
        "type, out of range, or does not go together with another.",
        "`target` names the field by its JSON path and `message` says what is expected. Where "
        "several are wrong, `details` has an entry for each, 20 at most.",
        answers=(400,),
        events={400: ("TranscriptionFailed", "HoldFailed")},
        message="The field callbackUri is invalid: expected an absolute https URL, got 'ftp://app.example'.",
        target="callbackUri",
    ),
    Row(
        "8528",
        "call terminated",
        "The call is over; its id is still known for a while.",
        "Stop using the connection once `CallDisconnected` has come; set up a new call.",
        answers=(400,),
        events={400: ("TranscriptionFailed",)},
        message="Call connection '2c006980-8ef1-46c2-84fa-357fefac0893' has ended.",
        target="callConnectionId",
    ),
    Row(
        "8529",
        "throttled by the monthly limit",
        "The calls of a month are used up. Hookflash has no such limit.",
        "Nothing to do here; the platform sends it.",
        answers=(429,),
        message="The monthly limit is reached.",
        emitted=False,
    ),
    Row(
        "8530",
        "throttled by the active calls limit",
        "As many calls are up as the media workers can carry without harm to any of them: by the time their "
        "ticks take, by `media.legs` or by `media.rtp_ports`; or as many as the trunk may (`limits.calls` of "
        "`[[trunk]]`).",
        "Wait as many seconds as `Retry-After` says and send the request again; the SDKs do. If it happens "
        "often, look at `GET /hookflash/media`, and give the server more workers and CPU cores.",
        answers=(503,),
        events={503: ("CreateCallFailed", "AddParticipantFailed", "CallTransferFailed")},
        message="No new call can be taken now: media worker 0: its ticks take 81% of its core, and "
        "media.load_limit is 80%. Try again in 6 s.",
    ),
    Row(
        "8557",
        "wrong format type",
        "The recording format does not go with the content and channels that were asked for.",
        "Mixed audio is mp3 or wav, unmixed audio is wav, audio and video is mp4; leave "
        "`recordingFormatType` out for the usual one. `recordingContentType` is audioVideo when "
        "left out, and there is no video here: ask for audio.",
        answers=(400,),
        message="The field recordingFormatType is invalid: expected wav for unmixed audio, got mp3.",
        target="recordingFormatType",
    ),
    Row(
        "8559",
        "duplicate recording request",
        "A second recording was started while one of the same call is active.",
        "Use the `recordingId` of the first, or stop that recording before a new one is started.",
        answers=(400,),
        events={400: ("StartRecordingFailed",)},
        message="This call is being recorded already; stop that recording first.",
    ),
    Row(
        "8567",
        "service principal not enabled",
        "Speech was asked for, and this server has no speech provider.",
        "Install one (`pip install 'hookflash[speech]'`) or configure one, or play a file and recognize "
        "DTMF instead.",
        answers=(400,),
        message="playSources[0] is of kind text, and this server has no speech provider to say it "
        "with; play a file source (a WAV behind an http or https URL) instead.",
    ),
    Row(
        "8583",
        "precondition failed",
        "The media operation does not go together with one that runs on the same participant or call.",
        "The message names the running operation. Wait for the event that ends it, cancel it with "
        "`cancelAllMediaOperations`, or set `interruptCallMediaOperation` where the request has it.",
        answers=(412,),
        events={412: ("HoldFailed",)},
        message="play cannot start while a recognition of 4:+14255550123 is running.",
    ),
    Row(
        "8585",
        "invalid in the current state",
        "The request does not fit the state of the call, the recording or the participant, for "
        "example before `CallConnected` has come.",
        "The message names the state. Wait for the event that ends it and send the request again.",
        answers=(400,),
        message="The call connection is connecting; wait for CallConnected.",
    ),
    Row(
        "8607",
        "transfer operation conflict",
        "A second transfer was asked for while one is under way.",
        "Wait for `CallTransferAccepted` or `CallTransferFailed`.",
        answers=(409,),
        message="A transfer of this call is under way.",
    ),
    Row(
        "9999",
        "unknown error",
        "Hookflash failed. As an answer the message has the id of the fault, under which the log "
        "has the reason; in an event it says what broke, such as a media worker that died.",
        "Look into the log for the fault id, and please report it. Requests with repeatability "
        "headers can be sent again as they are.",
        answers=(500,),
        events={
            500: (
                "CallDisconnected",
                "CreateCallFailed",
                "AnswerFailed",
                "ConnectFailed",
                "PlayFailed",
                "RecognizeFailed",
                "SendDtmfTonesFailed",
                "ContinuousDtmfRecognitionToneFailed",
                "StartRecordingFailed",
                "RecordingStateChanged",
                "TranscriptionFailed",
            )
        },
        message="Hookflash failed to carry this out; its log has the reason under fault 5e2b....",
    ),
    Row(
        "9998",
        "fatal error",
        "The server cannot go on with this request.",
        "Look into the log of the server.",
        answers=(500,),
        message="The server is being stopped.",
        emitted=False,
    ),
    Row(
        "9001",
        "downstream error",
        "Something that the operation depends on failed, such as the issuer whose keys tokens are "
        "verified with, or the media workers that carry the audio of calls.",
        "The message names it; mend that, and send the request again after the seconds of `Retry-After`.",
        answers=(503,),
        events={503: ("CreateCallFailed", "AddParticipantFailed", "CallTransferFailed")},
        message="The bearer token cannot be verified, because the keys of its issuer cannot be "
        "had: timed out. Try again later.",
        target="Authorization",
    ),
    Row(
        "9002",
        "downstream timeout",
        "Something that the operation depends on did not answer in time.",
        "The message names it; send the request again.",
        answers=(500,),
        message="The media worker did not answer within 5 s.",
        emitted=False,
    ),
)
