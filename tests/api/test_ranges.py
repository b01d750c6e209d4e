"""Ranges of bytes as requests ask for them, against a slow and obvious reading."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.api.ranges import NotSatisfiable, read_range

DATA = bytes(range(200))


@given(st.integers(0, 200), st.integers(0, 300), st.integers(0, 300))
def test_first_and_last(size: int, first: int, last: int) -> None:
    wanted = [at for at in range(first, last + 1) if at < size]
    if last < first:
        assert read_range(f"bytes={first}-{last}", size) is None
    elif not wanted:
        with pytest.raises(NotSatisfiable):
            read_range(f"bytes={first}-{last}", size)
    else:
        assert read_range(f"bytes={first}-{last}", size) == (wanted[0], wanted[-1] + 1)


@given(st.integers(0, 200), st.integers(0, 300))
def test_open_and_suffix(size: int, number: int) -> None:
    data = DATA[:size]
    for header, wanted in (
        (f"bytes={number}-", data[number:]),
        (f"bytes=-{number}", data[-number:] if number else b""),
    ):
        if not wanted:
            with pytest.raises(NotSatisfiable):
                read_range(header, size)
        else:
            found = read_range(header, size)
            assert found is not None
            assert data[slice(*found)] == wanted


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "lines=1-2",
        "bytes=0-1,5-6",
        "bytes=" + "9" * 19 + "-",
    ],
)
def test_what_is_no_single_range_is_everything(header: str | None) -> None:
    assert read_range(header, 100) is None


def test_case_and_spaces_do_not_matter() -> None:
    assert read_range(" Bytes = 1 - 2 ", 100) == (1, 3)
