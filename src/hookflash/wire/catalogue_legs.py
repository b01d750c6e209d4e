"""Sub-codes that tell how a call leg ended (contract section 4.5)."""

from __future__ import annotations

from hookflash.wire.catalogue_row import Row

_FAILED = (
    "CreateCallFailed",
    "AddParticipantFailed",
    "CallTransferFailed",
    "CallDisconnected",
)
_ENDED = ("CallDisconnected",)
_REMOVED = ("CallDisconnected", "RemoveParticipantSucceeded")

SIP_STATUSES: dict[int, str] = {
    200: "normal end; written 560000 or 540000",
    401: "the other side wants credentials that are not configured",
    403: "forbidden: the number is blocked, or the trunk does not allow the call",
    404: "the number does not exist",
    408: "no answer came from the other side at all",
    410: "the number is gone",
    480: "nobody answered, or the phone is not reachable",
    484: "the number is incomplete",
    486: "busy",
    487: "canceled before it was answered",
    488: "no codec in common",
    500: "the other side failed",
    502: "a gateway behind the trunk failed",
    503: "the trunk is unavailable or overloaded",
    504: "a gateway behind the trunk got no answer",
    600: "busy everywhere",
    603: "declined",
    604: "the number does not exist anywhere",
}
"""What the final responses of SIP mean here; any other keeps its number too."""

LEGS: tuple[Row, ...] = (
    Row(
        "560xyz",
        "end of an outbound leg",
        "A leg that Hookflash dialled ended with the final SIP response xyz, or normally (560000). "
        "`code` is the SIP status, 200 for a normal end; since 2026-03-12 `sipDetails` has the "
        "status and its phrase, and `q850Details` the ISDN cause if the other side gave one.",
        "Look the status up below. The response came from the trunk or from what is behind it, so "
        "its logs say more.",
        events={0: _FAILED},
        message="Call ended because remote PSTN participant was busy. DiagCode: 486#560486.@",
    ),
    Row(
        "540xyz",
        "end of an inbound leg",
        "A leg that came in from a phone ended with xyz, or normally (540000). The codes mean what "
        "those of 560xyz do.",
        "540487 is a caller who gave up while it rang; 540000 one who hung up.",
        events={0: _FAILED},
        message="The conversation has ended. DiagCode: 0#540000.@",
    ),
    Row(
        "4097",
        "ended by organizer",
        "Whoever organised the call ended it for everybody.",
        "Nothing.",
        events={200: _ENDED},
        message="Call was ended by its organizer. DiagCode: 0#4097.@",
        emitted=False,
    ),
    Row(
        "4506",
        "call timed out",
        "The call did not come up in time.",
        "Call again.",
        events={408: _FAILED},
        message="Call timed out. DiagCode: 408#4506.@",
        emitted=False,
    ),
    Row(
        "4521",
        "abrupt leave",
        "The other side went away without a word.",
        "Look at the network of the other side.",
        events={200: _ENDED},
        message="Call was left abruptly. DiagCode: 0#4521.@",
        emitted=False,
    ),
    Row(
        "5000",
        "removed by another participant",
        "Somebody else in the call removed this one.",
        "Nothing.",
        events={200: _REMOVED},
        message="Participant was removed by another participant. DiagCode: 0#5000.@",
        emitted=False,
    ),
    Row(
        "5002",
        "declined",
        "The called app rejected the call.",
        "Nothing, if that was meant. The reason (`busy`, `forbidden`) is what a phone gets to see.",
        source="seen",
        events={200: ("CreateCallFailed", "CallDisconnected", "AddParticipantFailed", "CallTransferFailed")},
        message="The conversation has ended. DiagCode: 0#5002.@",
    ),
    Row(
        "5003",
        "ended",
        "The conversation ended.",
        "Nothing.",
        events={200: _ENDED},
        message="The conversation has ended. DiagCode: 0#5003.@",
        emitted=False,
    ),
    Row(
        "5300",
        "removed by another participant",
        "Somebody else in the call removed this one.",
        "Nothing.",
        events={200: _REMOVED},
        message="Participant was removed by another participant. DiagCode: 0#5300.@",
    ),
    Row(
        "7000",
        "graceful end",
        "An app hung up or terminated the call, or everybody else had left.",
        "Nothing.",
        source="seen",
        events={200: _ENDED},
        message="The conversation has ended. DiagCode: 0#7000.@",
    ),
    Row(
        "10003",
        "accepted elsewhere",
        "Another device of the same user, or another app, answered first.",
        "Nothing.",
        events={487: _FAILED},
        message="Call was accepted elsewhere. DiagCode: 487#10003.@",
    ),
    Row(
        "10004",
        "ring timeout",
        "Nobody answered within the time the call may ring.",
        "Call later, or give a longer `invitationTimeoutInSeconds` (at most 180) when a "
        "participant is added.",
        events={487: _FAILED},
        message="Call was not answered before the ring timeout. DiagCode: 487#10004.@",
    ),
    Row(
        "10009",
        "unauthenticated",
        "The called user's token does not hold.",
        "Give the user a new token.",
        events={401: _FAILED},
        message="Participant is not authenticated. DiagCode: 401#10009.@",
        emitted=False,
    ),
    Row(
        "10024",
        "declined by every endpoint",
        "All devices of the user declined.",
        "Nothing.",
        events={487: _FAILED},
        message="Call was declined by every endpoint. DiagCode: 487#10024.@",
        emitted=False,
    ),
    Row(
        "10037",
        "no endpoint",
        "The called user or number has no device, and no app of its resource is subscribed to "
        "`IncomingCall`.",
        "Register a phone for the user, or add an Event Grid subscription whose filters match the "
        "call (`GET /hookflash/subscriptions` lists them).",
        events={480: _FAILED},
        message="Called user has no endpoint to ring. DiagCode: 480#10037.@",
    ),
    Row(
        "10057",
        "callee lost",
        "The called device went away while it rang.",
        "Call again.",
        events={408: _FAILED},
        message="Callee was lost. DiagCode: 408#10057.@",
        emitted=False,
    ),
    Row(
        "301005",
        "media connection failed",
        "No audio could be exchanged with the other side.",
        "Look at firewalls between the server and the phone: RTP goes over `media.rtp_ports`.",
        events={410: _FAILED},
        message="Media connection failed. DiagCode: 410#301005.@",
        emitted=False,
    ),
    Row(
        "500001",
        "gateway timeout",
        "A gateway got no answer in time.",
        "Call again.",
        events={408: _FAILED},
        message="Gateway timed out. DiagCode: 408#500001.@",
        emitted=False,
    ),
    Row(
        "510403",
        "blocked",
        "The call is not allowed.",
        "`message` says why: the number may not be called, as much has been called or spent as may be "
        "([tolls](../sip.md#what-calls-out-may-cost)), or the caller's number may not be shown to the trunk.",
        events={403: _FAILED},
        message="Call was blocked. Calls to +8821234567 are denied by the configuration (tolls.denied). "
        "DiagCode: 403#510403.@",
    ),
    Row(
        "511404",
        "number or resource not found",
        "The called number or its resource does not exist.",
        "Check the number.",
        events={404: _FAILED},
        message="Called number or its resource was not found. DiagCode: 404#511404.@",
        emitted=False,
    ),
    Row(
        "511532",
        "no SIP trunk",
        "The number belongs to nobody here, and no route leads to a trunk for it.",
        "Add a `[[route]]` whose pattern matches the number, and the `[[trunk]]` that it names.",
        events={403: _FAILED},
        message="No SIP trunk is configured for this call. DiagCode: 403#511532.@",
    ),
    Row(
        "531004",
        "media connection could not be established",
        "The media of the other side could not be reached.",
        "Look at firewalls between the server and the phone: RTP goes over `media.rtp_ports`.",
        events={410: _FAILED},
        message="Media connection could not be established. DiagCode: 410#531004.@",
        emitted=False,
    ),
)
