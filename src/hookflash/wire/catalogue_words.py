"""Codes of refusals that are about HTTP, not about calls; the platform writes those as words."""

from __future__ import annotations

from hookflash.wire.catalogue_row import Row

WORDS: tuple[Row, ...] = (
    Row(
        "BadRequest",
        "bad request",
        "The request as a whole, or one of its headers or query parameters, is not well formed.",
        "Mend what the message names and send the request again. Where the header is one that an "
        "SDK sets, look for a proxy or a middleware that changes it.",
        source="inferred",
        answers=(400,),
        message="The header Repeatability-First-Sent is missing; it goes together with "
        "Repeatability-Request-ID.",
        target="Repeatability-First-Sent",
    ),
    Row(
        "UnsupportedApiVersion",
        "unsupported api-version",
        "The query parameter `api-version` is missing or is not a version.",
        "Send one of the versions that the message lists. The SDKs do so by themselves; a plain "
        "HTTP client appends `?api-version=2026-03-12`.",
        source="inferred",
        answers=(400,),
        message="the query parameter api-version is missing; supported are 2023-03-06, 2023-10-15, ...",
        target="api-version",
    ),
    Row(
        "Forbidden",
        "forbidden",
        "The user belongs to another resource than the one whose key signed the request.",
        "Use the connection string of the resource that created the user, or create a user with this one.",
        source="inferred",
        answers=(403,),
        message="The user 8:acs:... belongs to another resource.",
        target="id",
        emitted=False,
    ),
    Row(
        "ValidationError",
        "invalid argument of the identity service",
        "A field of a request about users or tokens is missing, of the wrong type or out of range.",
        "`target` and `details` name the field, and `message` says what is expected.",
        source="inferred",
        answers=(400,),
        message="The field expiresInMinutes is invalid: expected 60 to 1440 minutes, got 5.",
        target="expiresInMinutes",
    ),
    Row(
        "UnprocessableConfiguration",
        "SIP routing cannot be set",
        "Trunks or routes cannot be what a request to `/sip` asks for; nothing has been changed.",
        "`innererror` has the reason as the real service names it, and `message` says which entry; see "
        "[SIP routing](../numbers.md#sip-routing).",
        source="inferred",
        answers=(400, 422),
        message="Route 'US' names trunk 'sbc.example.org', which is not set; set it first.",
    ),
    Row(
        "PhoneNumberNotFound",
        "number not owned",
        "The number belongs to no resource of this server.",
        "`GET /phoneNumbers` lists those of a resource; they are named in the configuration, in "
        "`[[number]]`.",
        source="inferred",
        answers=(404,),
        message="The number '+18005550199' is not owned here; GET /phoneNumbers lists those that are.",
        target="phoneNumber",
    ),
    Row(
        "NotFound",
        "nothing at this path",
        "No operation has this method and path, or there is no such user.",
        "For a user: create one with `POST /identities`; a deleted user does not come back. Else "
        "compare the path with the [HTTP surfaces](../http-api.md): Call Automation is under "
        "`/calling`, users and tokens are under `/identities`, Hookflash's own operations are "
        "under `/hookflash`. An endpoint given to an SDK has no path of its own.",
        source="inferred",
        answers=(404,),
        message="There is nothing at GET /callings. Call Automation is under /calling, users and "
        "tokens are under /identities, what is Hookflash's own is under /hookflash.",
    ),
    Row(
        "MethodNotAllowed",
        "wrong method",
        "The path exists, but not with this method.",
        "Use one of the methods in the message; the response header `Allow` lists them too.",
        source="inferred",
        answers=(405,),
        message="PUT is not possible on /calling/callConnections; use POST.",
    ),
    Row(
        "RequestTimeout",
        "request incomplete",
        "The headers or the body did not arrive in time (`limits.request_timeout`).",
        "Send the request again; the SDKs do. If it happens often, look at the network between the "
        "app and the server.",
        source="ours",
        answers=(408,),
        message="The body did not arrive within 10 s; send the request again.",
    ),
    Row(
        "PreconditionFailed",
        "repeated too late",
        "`Repeatability-First-Sent` lies so far back that the answer to the first attempt is no "
        "longer kept, so it cannot be told whether the operation ran.",
        "Find out whether it did (GET the call), then send the request with a new "
        "`Repeatability-Request-ID`. If the first attempt was just now, set the clock of the app's "
        "machine.",
        source="inferred",
        answers=(412,),
        message="The header Repeatability-First-Sent lies 90000 s back; what was first sent more "
        "than 86400 s ago cannot be recognised any more. Send it anew, with a new "
        "Repeatability-Request-ID.",
        target="Repeatability-First-Sent",
    ),
    Row(
        "RequestBodyTooLarge",
        "body too large",
        "The body has more bytes than `limits.request_bytes` (1 MiB unless configured), or than a "
        "document of the own surface may have (64 KiB).",
        "Send less in one request: fewer targets, play sources or headers. SSML of that size "
        "belongs into an audio file.",
        source="ours",
        answers=(413,),
        message="The body has 2000000 bytes; at most 1048576 are read. Send less in one request.",
        target="body",
    ),
    Row(
        "UriTooLong",
        "path or query too long",
        "The path has more than 4096 bytes or the query more than 2048.",
        "No id of Hookflash's is that long; look at how the app puts its URLs together.",
        source="ours",
        answers=(414,),
        message="The path has 5000 bytes; at most 4096 are read.",
        target="path",
    ),
    Row(
        "UnsupportedMediaType",
        "body is not JSON",
        "The header `Content-Type` of a request with a body is missing, names something else than "
        "`application/json`, or a charset other than UTF-8.",
        "Send `Content-Type: application/json`.",
        source="ours",
        answers=(415,),
        message="The Content-Type is 'text/plain'; this operation takes application/json.",
        target="Content-Type",
    ),
    Row(
        "RequestHeaderFieldsTooLarge",
        "headers too large",
        "The request line and headers have more than 64 KiB together.",
        "Send less; cookies of a proxy are the usual reason.",
        source="ours",
        answers=(431,),
        message="The headers have more than 65536 bytes; send less.",
    ),
    Row(
        "Conflict",
        "phone not in that state",
        "A virtual phone cannot do that now: it has no such call, or the call is over or not up yet.",
        "Wait for the call to be in the state that the message names: GET the call with `?state=`.",
        source="ours",
        answers=(409,),
        message="Phone 'alice' has no call that rings; its last call is up.",
    ),
    Row(
        "Timeout",
        "the call did not come into that state",
        "A virtual phone was asked to wait for a state of a call, and the time was up before.",
        "Look at the call as it is now, and at the events the app got; then wait again, or longer "
        "with `timeoutMs`.",
        source="ours",
        answers=(408,),
        message="Call 1 of phone 'alice' is ringing, not up, after 10000 ms.",
    ),
    Row(
        "TooManyPhones",
        "too many virtual phones",
        "There are as many virtual phones as the server keeps.",
        "Delete those that are no longer needed: `DELETE /hookflash/phones/{id}`.",
        source="ours",
        answers=(429,),
        message="There are 1000 virtual phones; delete one first.",
    ),
    Row(
        "TooManyCalls",
        "too many calls on one phone",
        "A virtual phone has as many calls up as it can.",
        "Hang up one of them first.",
        source="ours",
        answers=(429,),
        message="Phone 'alice' has 16 calls up; hang up one first.",
    ),
    Row(
        "TooManyKeys",
        "too many keys at once",
        "More keys wait to be pressed than a virtual phone takes.",
        "Press fewer at once, or wait until they are through.",
        source="ours",
        answers=(429,),
        message="64 keys wait to be pressed already.",
    ),
    Row(
        "TooManyPolls",
        "too many waiting requests",
        "Too many requests wait for calls of virtual phones.",
        "Let one request at a time wait for a call.",
        source="ours",
        answers=(429,),
        message="64 requests wait for this phone already.",
    ),
    Row(
        "Stopping",
        "the server is being stopped",
        "The server ends, or is being drained: it goes on with the calls it has and takes no new ones.",
        "Send the request again after the seconds of `Retry-After`, to another server if there is one.",
        source="ours",
        answers=(503,),
        message="The server is being stopped.",
    ),
)
