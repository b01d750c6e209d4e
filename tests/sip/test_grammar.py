"""Tokens, lists, parameters and what keeps logs clean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.sip import grammar
from hookflash.sip.errors import ParseError

TOKENS = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20)


@given(TEXT)
def test_quoting_is_undone_by_unquoting(text: str) -> None:
    assert grammar.unquote(grammar.quote(text)) == text


@given(
    st.lists(
        st.one_of(TOKENS, TEXT.map(grammar.quote), TOKENS.map(lambda t: f"<sip:{t},{t};{t}>")), max_size=8
    )
)
def test_a_joined_list_splits_into_its_values(values: list[str]) -> None:
    assert grammar.split_list(" , ".join(values)) == values


@given(st.dictionaries(TOKENS.map(str.lower), st.none() | TOKENS | TEXT.map(grammar.quote), max_size=6))
def test_parameters_round_trip(params: dict[str, str | None]) -> None:
    assert grammar.parse_params(grammar.format_params(params)) == params


@pytest.mark.parametrize(
    ("text", "mark", "values"),
    [
        ("", ",", []),
        (" \t", ",", []),
        ("one", ",", ["one"]),
        ("a,,b,", ",", ["a", "b"]),
        ('"a,b" <sip:c,d>;x="1,2", e', ",", ['"a,b" <sip:c,d>;x="1,2"', "e"]),
        (r'"a\"," , b', ",", [r'"a\","', "b"]),
        ('a;b="x;y"', ";", ["a", 'b="x;y"']),
    ],
)
def test_lists_split_outside_quotes_and_brackets(text: str, mark: str, values: list[str]) -> None:
    assert grammar.split_list(text, mark) == values


@pytest.mark.parametrize(("text", "what"), [('a, "b', "quoted string"), ("a, <b", "angle bracket")])
def test_an_unclosed_value_is_named(text: str, what: str) -> None:
    with pytest.raises(ParseError, match=f"unclosed {what}"):
        grammar.split_list(text)


def test_lists_and_parameters_are_bounded() -> None:
    with pytest.raises(ParseError, match="more than 100 values"):
        grammar.split_list(",".join("a" * (grammar.MAX_VALUES + 1)))
    with pytest.raises(ParseError, match="more than 64 parameters"):
        grammar.parse_params("".join(f";p{n}" for n in range(grammar.MAX_PARAMS + 1)))


def test_parameters_tolerate_space_and_keep_values_as_written() -> None:
    assert grammar.parse_params(' ; A = "x;y" ;b; C=[::1]:5 ') == {"a": '"x;y"', "b": None, "c": "[::1]:5"}
    assert grammar.parse_params("  ") == {}


@pytest.mark.parametrize("text", [";", ";;a", ";=1", ";a=", "a=1", ';a="', ";a;A=2", ";a=1 b"])
def test_malformed_parameters_are_refused(text: str) -> None:
    with pytest.raises(ParseError):
        grammar.parse_params(text)


@pytest.mark.parametrize("text", ["", "-1", "256", "1e1", "٣", "0000000000001"])
def test_numbers_are_checked(text: str) -> None:
    with pytest.raises(ParseError, match="must be a number from 0 to 255"):
        grammar.parse_number(text, 255, "it")


def test_numbers_may_have_leading_zeros() -> None:
    assert grammar.parse_number("070", 255, "it") == 70


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("plain", False),
        ("tab\t ok\xa0", False),
        ("a\rb", True),
        ("\x00", True),
        ("\x85", True),
        ("\ud800", True),
    ],
)
def test_control_characters_are_found(text: str, bad: bool) -> None:
    assert grammar.has_control(text) is bad


def test_printable_escapes_and_cuts() -> None:
    assert grammar.printable("a\r\n\x1b[31mb") == r"a\r\n\x1b[31mb"
    assert grammar.printable("\ud800") == r"\ud800"
    assert grammar.printable("x" * 200, 10) == "xxxxxxxxxx..."


@given(st.text())
def test_printable_never_lets_a_line_break_through(text: str) -> None:
    assert grammar.printable(text).isprintable()


def test_names_are_quoted_only_when_they_must_be() -> None:
    assert grammar.quote_unless_tokens("Bob Smith") == "Bob Smith"
    assert grammar.quote_unless_tokens("Bob, Smith") == '"Bob, Smith"'
    assert grammar.quote_unless_tokens(" Bob") == '" Bob"'
    assert grammar.unquote('"') == '"'
    assert grammar.unquote("bare") == "bare"


def test_tokens() -> None:
    assert grammar.is_token("INVITE")
    assert not grammar.is_token("IN VITE")
    assert not grammar.is_token("")
