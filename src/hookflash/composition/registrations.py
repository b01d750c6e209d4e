"""Who has registered, for whoever asks over HTTP."""

from __future__ import annotations

from itertools import groupby

from hookflash.phones.config import PhoneConfig
from hookflash.phones.registered.refusals import PATIENCE
from hookflash.phones.registered.registrar import Device, Registrar
from hookflash.ports.clock import Clock
from hookflash.ports.registrations import RefusalView, RegistrationPage, RegistrationView
from hookflash.sip.digest import NO_CREDENTIALS
from hookflash.sip.grammar import printable
from hookflash.sip.uri import format_host_port

HINT = 'a phone that gives up here may know no digest but MD5: set sip.digest_algorithms = ["MD5"]'
"""What to try where a phone never gets further than its challenge."""


class RegistrationBook:
    """Implements :class:`~hookflash.ports.registrations.Registrations`."""

    def __init__(self, registrar: Registrar, clock: Clock) -> None:
        self._registrar = registrar
        self._clock = clock

    def page(self, asker: str | None, after: str, top: int) -> RegistrationPage:
        """See :class:`~hookflash.ports.registrations.Registrations`."""
        rows: list[RegistrationView] = []
        refused = [] if after else self._refused(asker)
        names = 0
        last = ""
        for name, devices in groupby(self._registrar.bindings(), lambda one: one.phone.username):
            held = list(devices)
            if name <= after or not _is_of(held[0].phone, asker):
                continue
            if names == top:
                return RegistrationPage(rows, refused, last)
            rows += [self._row(one) for one in held]
            names, last = names + 1, name
        return RegistrationPage(rows, refused)

    def _refused(self, asker: str | None) -> list[RefusalView]:
        now, found = self._clock.now(), []
        refusals = self._registrar.refusals()
        proved = {(one.phone, one.peer) for one in refusals if one.problem != NO_CREDENTIALS}
        for one in refusals:
            phone = self._registrar.phone(one.phone)
            if phone is not None and not _is_of(phone, asker):
                continue
            problem = one.problem
            if problem == NO_CREDENTIALS:
                # Each phone comes so once; to some it was only the beginning.
                begun = one.times == 1 and now - one.at < PATIENCE
                if begun or (one.phone, one.peer) in proved:
                    continue
                problem = f"{problem}; {HINT}"
            since = round(now - one.at, 1)
            found.append(RefusalView(one.phone, one.peer, one.status, problem, since, one.times))
        return found

    def _row(self, device: Device) -> RegistrationView:
        binding, now = device.binding, self._clock.now()
        return RegistrationView(
            binding.name,
            device.phone.user.raw_id,
            printable(str(binding.contact.uri), 256),
            format_host_port(*binding.flow.remote),
            binding.flow.transport,
            binding.contact.quality,
            round(now - binding.since, 1),
            round(max(0.0, binding.until - now), 1),
            binding.agent,
        )


def _is_of(phone: PhoneConfig, resource: str | None) -> bool:
    """Whether a phone's user is one of a resource: users carry its GUID (``8:acs:<resource>_<user>``)."""
    scope = phone.user.raw_id.rsplit(":", 1)[-1].partition("_")[0]
    return resource is None or scope.casefold() == resource.casefold()
