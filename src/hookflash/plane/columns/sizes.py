"""Sizes and marks that all columns share."""

BLOCK = 48
"""Rows are used in blocks of this many (the lane count kernels work in)."""
RATE = 8000
"""Samples a second of narrowband audio; the unit of all times in the jitter columns is 1/8000 s."""
FRAME = 160
"""Samples of a tick at 8,000 Hz."""
WIDE_FRAME = 320
"""Samples of a tick at 16,000 Hz."""
HISTORY = 176
"""Samples of one in-band detector window."""
PAST = 400
"""Samples (at 8,000 Hz) of the past kept before the current frame in ``heard``, for concealment."""
RX_SIZE = 1472
"""Octets of a receive row: what fits into an Ethernet frame. A longer datagram is cut off, and refused."""
TX_SIZE = 704
"""Octets of a transmit row: RTP header, 20 ms of L16 at 16,000 Hz, and an SRTP tag."""
ADDRESS = 28
"""Octets of an address as the system has it: a ``sockaddr_in6``, or a ``sockaddr_in`` and zeros."""
RING = 4096
"""Units (1/8000 s) a leg's jitter ring holds (512 ms); a power of two, so that time is the index."""
RING_PAD = 32
"""Unused samples behind each ring, so that the rows do not all fall on the same cache sets."""
MISSING = -32768
"""The ring's mark for a sample that has not arrived; decoders never give it."""
TAKE = FRAME + 80
"""Most units taken out of a jitter ring in one tick: a frame, and what is left out to catch up."""
MAX_PLAYS = 8
"""Plays one leg can hear at the same time."""
MAX_RULES = 8
"""Legs one leg can hear otherwise than plainly before its row of the matrix is walked in full."""
MAX_DIGITS = 64
"""Digits of one sending."""

PCMU, PCMA, L16, G722, L16_WIDE, OPUS = range(6)
"""Codecs of :attr:`Setup.codec`: L16 at 8,000 Hz, L16_WIDE at 16,000 Hz; from G722 on they are wideband."""
