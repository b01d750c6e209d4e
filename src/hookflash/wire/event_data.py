"""What every callback event carries (contract section 5.2)."""

from __future__ import annotations

import msgspec

from hookflash.wire.results import ResultInformation

NAMESPACE = "Microsoft.Communication."
"""Before the class name in ``publicEventType``."""


class EventData(
    msgspec.Struct,
    rename="camel",
    omit_defaults=True,
    kw_only=True,
    frozen=True,
    tag_field="publicEventType",
    tag=lambda name: NAMESPACE + name,
):
    """What every event's ``data`` carries; ``version`` is the api-version of the originating request.

    ``event_source`` repeats the CloudEvent's source, in early previews for every event.
    """

    version: str
    call_connection_id: str
    server_call_id: str
    correlation_id: str
    result_information: ResultInformation | None = None
    operation_context: str | None = None
    event_source: str | None = None

    @property
    def public_event_type(self) -> str:
        """``Microsoft.Communication.<Name>``."""
        tag = self.__struct_config__.tag
        return tag if isinstance(tag, str) else ""

    @property
    def source(self) -> str:
        """CloudEvent ``source`` and ``subject``, no leading slash."""
        return f"calling/callConnections/{self.call_connection_id}"
