"""The Azure Communication Services Call Automation contract as data. Pure: no I/O, no clock, no task.

Models, identifiers, enums, result codes, event shapes and request authentication, as other rooms need them to
speak the wire format exactly. Nothing in here decides what a call does.
"""
