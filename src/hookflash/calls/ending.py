"""Why a call, or one end of it, is over, as apps and phones are told (contract sections 4.4 and 4.5)."""

from __future__ import annotations

from dataclasses import dataclass

from hookflash.calls.facts import Cause
from hookflash.wire.leg_results import leg_result
from hookflash.wire.results import ANSWER_TIMEOUT, CALL_NOT_FOUND, UNKNOWN_ERROR, ResultInformation

_FALLBACK = (480, "Temporarily Unavailable")


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a call.

    ``cause`` and ``outbound`` decide the code and sub-code apps see. ``status`` and ``reason`` are the
    final SIP response for a caller that is still waiting. ``by_app`` tells that the connection asked for it
    itself, so it is not a failure; ``fault`` that the platform broke down, so running operations failed
    rather than were canceled.
    """

    cause: Cause
    outbound: bool = False
    status: int = _FALLBACK[0]
    reason: str = _FALLBACK[1]
    by_app: bool = False
    fault: bool = False

    def result(self, version: str) -> ResultInformation:
        """What an app of that api-version is told."""
        if self.fault:
            return ResultInformation(UNKNOWN_ERROR.code, UNKNOWN_ERROR.sub_code, self.cause.reason)
        cause = self.cause
        return leg_result(
            cause.status,
            cause.reason,
            self.outbound,
            cause.sub_code,
            q850=cause.q850,
            q850_text=cause.q850_text,
            version=version,
        )

    def described(self) -> str:
        """Why, for people."""
        cause = self.cause
        if self.by_app:
            return "the app asked for it"
        if self.fault:
            return cause.reason
        sub_code = f", sub-code {cause.sub_code}" if cause.sub_code is not None else ""
        q850 = f", Q.850 cause {cause.q850}" if cause.q850 is not None else ""
        return f"{cause.status} {cause.reason}{sub_code}{q850}"

    def answer_result(self, version: str) -> ResultInformation:
        """As :meth:`result`, for an app whose answer came to nothing (contract section 4.3).

        A caller that went away meanwhile is told as such; one whose INVITE ran out of time was not answered
        in time, and one that never acknowledged the answer is 8586.
        """
        if not self.fault and self.cause.sub_code is None and self.cause.status == 408:
            return ANSWER_NOT_ACKNOWLEDGED
        if not self.fault and self.cause.sub_code == NOT_ANSWERED.cause.sub_code:
            return ANSWER_TIMEOUT
        return self.result(version)

    def connect_result(self, version: str) -> ResultInformation:
        """As :meth:`result`, for an app that waited to join a call which never came up."""
        if self.fault:
            return self.result(version)
        ended = self.result(version)
        return ResultInformation(
            CALL_NOT_FOUND.code,
            CALL_NOT_FOUND.sub_code,
            f"Call not found: it ended before it could be joined ({ended.code}/{ended.sub_code}).",
        )


ANSWER_NOT_ACKNOWLEDGED = ResultInformation(400, 8586, "Incoming call was not acknowledged by the caller.")


def failed(cause: Cause, outbound: bool) -> Ending:
    """A leg never came up; a waiting caller gets the same final response, where that is one."""
    if cause.status >= 300:
        return Ending(cause, outbound, cause.status, cause.reason)
    return Ending(cause, outbound)


BY_APP = Ending(Cause(200, "OK", sub_code=7000), status=603, reason="Decline", by_app=True)
"""An app hung up or terminated the call."""
ALONE = Ending(Cause(200, "OK", sub_code=7000))
"""Everybody else has left."""
REJECTED_NONE = Ending(Cause(200, "OK", sub_code=5002), status=603, reason="Decline")
REJECTED_BUSY = Ending(Cause(200, "OK", sub_code=5002), status=486, reason="Busy Here")
REJECTED_FORBIDDEN = Ending(Cause(200, "OK", sub_code=5002), status=403, reason="Forbidden")
NOT_ANSWERED = Ending(Cause(487, "Request Terminated", sub_code=10004))
"""Nobody answered in time."""
ELSEWHERE = Ending(Cause(487, "Request Terminated", sub_code=10003))
"""Somebody else, or an app, has decided about the call."""
CANCELED = Ending(Cause(487, "Request Terminated"), outbound=True)
"""It rang, and whoever wanted it changed their mind or left."""
NOT_BROUGHT = Ending(Cause(487, "Request Terminated"))
"""Whoever was to come from another call stayed there."""
REMOVED = Ending(Cause(200, "OK", sub_code=5300))
"""An app took the participant out of the call."""
TRANSFERRED = Ending(Cause(200, "OK", sub_code=7000))
"""The app handed its call over."""
NOBODY_LISTENS = Ending(Cause(480, "Temporarily Unavailable", sub_code=10037))
"""No app is subscribed to the called identity's calls."""
MEDIA_LOST = Ending(
    Cause(500, "The media worker that carried the call died; the call cannot go on, set it up again."),
    status=503,
    reason="Service Unavailable",
    fault=True,
)
STOPPING = Ending(
    Cause(500, "The server that carried the call is being stopped."),
    status=503,
    reason="Service Unavailable",
    fault=True,
)
