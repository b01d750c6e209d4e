"""On which line a key of a TOML file stands."""

from __future__ import annotations

from hookflash.config.sources import key_lines

TEXT = '''# a comment
top = 1

[server]           # 4
bind = "a # not a comment"
"quoted key" = [
  1, # ]
  "]",
]
after = 2

[[trunk]]          # 12
name = """
[not.a.table]
name = "inside"
"""
raw = \'\'\'
x = 1
\'\'\'
limits.calls = 3

[trunk.more]       # 22
deep = { a = 1, b = { c = "}" } }

[[trunk]]          # 25
name = 'it''s'
limits = { calls = 1 }
[[trunk.sub]]      # 28
x = "a\\\\"
y = 'b\\'
[[trunk.sub]]      # 31
[x.'y z'."w"]
k = 1
'''


def test_lines_of_tables_and_keys():
    lines = key_lines(TEXT.replace("'it''s'", "'its'"))
    assert lines[("top",)] == 2
    assert lines[("server",)] == 4
    assert lines[("server", "bind")] == 5
    assert lines[("server", "quoted key")] == 6
    assert lines[("server", "after")] == 10
    assert lines[("trunk", 0)] == 12
    assert lines[("trunk", 0, "name")] == 13
    assert lines[("trunk", 0, "raw")] == 17
    assert lines[("trunk", 0, "limits")] == 20
    assert lines[("trunk", 0, "limits", "calls")] == 20
    assert lines[("trunk", 0, "more")] == 22
    assert lines[("trunk", 0, "more", "deep")] == 23
    assert lines[("trunk", 1)] == 25
    assert lines[("trunk", 1, "limits")] == 27
    assert lines[("trunk", 1, "sub", 0)] == 28
    assert lines[("trunk", 1, "sub", 0, "y")] == 30
    assert lines[("trunk", 1, "sub", 1)] == 31
    assert lines[("x", "y z", "w", "k")] == 33
    assert ("trunk", 0, "x") not in lines
