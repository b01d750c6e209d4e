"""The table of codes holds what the source tells, and the source tells what the table says it does."""

from __future__ import annotations

import pytest
from wire.source_scan import told

from hookflash.wire import catalogue, events, leg_results, results
from hookflash.wire.catalogue_legs import SIP_STATUSES
from hookflash.wire.results import ResultInformation
from hookflash.wire.subcodes import SUB_CODES

ROWS = catalogue.rows()
KNOWN = frozenset(SUB_CODES) | {int(row.code) for row in ROWS if row.code.isdecimal()}
TOLD = told(KNOWN)
FAMILIES = {"540xyz", "560xyz"}


def test_the_scan_sees_what_it_has_to() -> None:
    seen = {(one.answer, one.status, one.code) for one in TOLD}
    assert (True, 400, "8523") in seen  # a helper
    assert (True, 414, "UriTooLong") in seen  # written out
    assert (True, 405, "MethodNotAllowed") in seen  # a subclass
    assert (True, 500, "9999") in seen  # a default
    assert (False, 400, "8535") in seen  # a constant
    assert (False, 200, "5002") in seen  # a cause
    assert any(one.code == "511532" for one in TOLD)  # a named number
    assert len(TOLD) > 100


def test_every_code_the_source_tells_is_in_the_table() -> None:
    wrong = []
    for one in TOLD:
        row = catalogue.find(one.code)
        if row is None:
            wrong.append(f"{one.where}: {one.code} has no row in wire/catalogue*.py; add one")
        elif not row.emitted:
            wrong.append(f"{one.where}: {one.code} is told, but its row says emitted=False; take that out")
        elif one.status is not None:
            statuses = row.answers if one.answer else tuple(row.events)
            if one.status not in statuses and 0 not in statuses:
                what = "answers" if one.answer else "events"
                wrong.append(f"{one.where}: {one.code} goes with {one.status}; add it to {what} of its row")
    assert not wrong, "\n".join(sorted(set(wrong)))


def test_every_row_that_says_so_is_told_somewhere() -> None:
    codes = {one.code for one in TOLD}
    idle = {row.code for row in ROWS if row.emitted} - codes - FAMILIES
    assert not idle, f"no source tells {sorted(idle)}; mark the rows emitted=False, or tell them"


def test_every_status_of_an_emitted_refusal_is_told() -> None:
    told_here = {(one.code, one.status) for one in TOLD if one.answer}
    for row in ROWS:
        if row.emitted:
            assert {(row.code, status) for status in row.answers} <= told_here, row.code


def test_rows_are_complete() -> None:
    for row in ROWS:
        assert row.answers or row.events, row.code
        assert row.name, row.code
        assert row.meaning.endswith("."), row.code
        assert row.remedy.endswith("."), row.code
        assert row.message, row.code
        if row.code.isdecimal() and int(row.code) in SUB_CODES:
            assert row.name, row.code


def test_event_types_are_real() -> None:
    for row in ROWS:
        for types in row.events.values():
            for name in types:
                assert hasattr(events, name), f"{row.code} names the event {name}"


def test_the_families_have_one_row_each() -> None:
    assert catalogue.find(560486) is catalogue.find("560xyz")
    assert catalogue.find(540000) is catalogue.find("540xyz")
    assert catalogue.find(561000) is None
    assert catalogue.find("Nothing") is None
    assert min(SIP_STATUSES) == 200


def test_pages_by_code() -> None:
    assert catalogue.page_of(8523) == "errors/8523"
    assert catalogue.page_of(560404) == "errors/560xyz"
    assert catalogue.page_of("UnsupportedApiVersion") == "errors/UnsupportedApiVersion"
    assert catalogue.page_of(8529) is None
    assert catalogue.page_of(1) is None


def test_links_to_the_page_of_the_server() -> None:
    assert catalogue.help_link("8523") == '</hookflash/docs#8523>; rel="help"'
    assert catalogue.help_link("560486") == '</hookflash/docs#560xyz>; rel="help"'
    assert catalogue.help_link("Nothing") is None


def test_the_order_is_numbers_then_families_then_words() -> None:
    codes = [row.code for row in ROWS]
    numbers = [int(code) for code in codes if code.isdecimal()]
    assert numbers == sorted(numbers)
    assert codes[len(numbers) : len(numbers) + 2] == ["540xyz", "560xyz"]
    words = codes[len(numbers) + 2 :]
    assert words == sorted(words)


def test_what_is_never_sent() -> None:
    unused = dict(catalogue.unused())
    assert 8529 in unused
    assert 8523 not in unused


CONSTANTS = {name: one for name, one in vars(results).items() if isinstance(one, ResultInformation)}


@pytest.mark.parametrize("name", sorted(CONSTANTS))
def test_every_constant_result_has_a_row_with_its_status(name: str) -> None:
    result = CONSTANTS[name]
    row = catalogue.find(result.sub_code)
    assert row is not None
    assert result.code in row.events


def test_texts_of_the_platform_have_rows() -> None:
    for code, text in leg_results._PLATFORM_TEXTS.items():
        row = catalogue.find(code)
        if row is not None and code and "DiagCode" in row.message:
            assert row.message.startswith(text), code


def test_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "RESULTS", (*catalogue.RESULTS, catalogue.RESULTS[0]))
    catalogue._by_code.cache_clear()
    try:
        with pytest.raises(ValueError, match="twice"):
            catalogue.rows()
    finally:
        catalogue._by_code.cache_clear()
