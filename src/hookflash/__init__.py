"""Hookflash: a self-hosted call automation server.

It speaks the Azure Communication Services Call Automation wire contract, so that applications written with
the official Azure SDKs run against it unchanged, with real telephony (SIP, RTP, DTMF) behind it.
"""

__version__ = "0.1.0"
