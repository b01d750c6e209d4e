"""What the core needs from the outside, as protocols and plain data. Pure: no I/O, no clock, no task.

The rooms that carry decisions out (``phones``, ``plane``, ``events``, ``store``) implement these protocols;
``engine`` calls them and ``app`` hands the implementations in. Edges never import each other.
"""
