"""SIP: a sans-I/O core and the thin transports around it.

The grammar (RFC 3261 section 25) is read in :mod:`~hookflash.sip.message`, :mod:`~hookflash.sip.headers` and
:mod:`~hookflash.sip.uri`; streams are cut into messages in :mod:`~hookflash.sip.stream`; session descriptions
are read in :mod:`~hookflash.sip.sdp`, agreed upon in :mod:`~hookflash.sip.offer` (codecs in
:mod:`~hookflash.sip.codecs`, keys in :mod:`~hookflash.sip.crypto`) and kept by
:mod:`~hookflash.sip.negotiation`; :mod:`~hookflash.sip.digest` proves who is who.
None of these does I/O, holds a clock or starts a task.
"""
