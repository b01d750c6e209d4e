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
        "bytes=5",
        "bytes=5-2",
        "bytes=9" + "0" * 22 + "-5",
        "bytes=1" + "0" * 22 + "1-1" + "0" * 23,
        "bytes=0-1,5-6",
        "bytes=,",
        "bytes=1-2-3",
        "bytes=--2",
        "bytes=-+5",
        "bytes=1_0-2_0",
        "bytes=+1-5",
        "bytes=\u0661-\u0665",
        "bytes=\xb2-",
        "bytes=\xa01-2",
        "bytes=0x1-5",
        "bytes 1-2",
        "bytes==1-2",
        "=1-2",
    ],
)
def test_what_is_no_single_range_is_everything(header: str | None) -> None:
    assert read_range(header, 100) is None


def test_case_and_spaces_do_not_matter() -> None:
    assert read_range(" Bytes = 1 - 2 ", 100) == (1, 3)


def test_empty_elements_of_the_list_do_not_matter() -> None:
    assert read_range("bytes=, ,1-2,\t", 100) == (1, 3)


FAR = "9" * 23


@pytest.mark.parametrize("header", [f"bytes={FAR}-", f"bytes={FAR}-{FAR}", "bytes=" + "9" * 50_000 + "-"])
def test_a_number_of_any_length_is_beyond_the_end(header: str) -> None:
    with pytest.raises(NotSatisfiable):
        read_range(header, 100)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (f"bytes=5-{FAR}", (5, 100)),
        (f"bytes=-{FAR}", (0, 100)),
        ("bytes=" + "0" * 30 + "5-" + "0" * 5_000 + "6", (5, 7)),
        ("bytes=-" + "0" * 30 + "5", (95, 100)),
        ("bytes=0-" + "9" * 50_000, (0, 100)),
    ],
)
def test_the_end_bounds_numbers_of_any_length(header: str, wanted: tuple[int, int]) -> None:
    assert read_range(header, 100) == wanted
