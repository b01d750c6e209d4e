"""What a call is: server calls, participants, connections, invitations. Pure: no I/O, no clock, no task.

Commands (:mod:`.commands`) come from apps, facts (:mod:`.facts`) from the edges;
:class:`.exchange.Exchange` turns both into effects (:mod:`.effects`). The state machines are the tables of
:mod:`.tables`.
"""
