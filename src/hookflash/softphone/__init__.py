"""A small SIP phone: what ``hookflash phone`` and ``hookflash demo`` are made of.

It speaks SIP through the same sans-I/O core as the server, but has its own, plain RTP endpoint, so that it
can record what it hears and shares no media code path with the server it calls (only the G.711 arithmetic).
"""
