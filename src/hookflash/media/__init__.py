"""What a media action is: operations, the main leg and sub legs, the compatibility table, recognisers.

Pure: no I/O, no clock, no task. :class:`.scheduler.Desk` runs the operations of one call connection.
"""
