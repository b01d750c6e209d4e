"""The HTTP edge: the Azure surfaces as one bare ASGI app, and Hookflash's own surface beside it.

A request is routed, read, authenticated and turned into a command; the answer is whatever the engine decided.
Nothing is decided here.
"""
