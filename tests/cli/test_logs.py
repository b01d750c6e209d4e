"""Log lines: structured for machines, harmless for terminals."""

from __future__ import annotations

import io
import json
import logging
import sys

from hookflash.cli.logs import Strangers, configure, printable


def test_a_json_line_carries_the_fields_of_the_event() -> None:
    out = io.StringIO()
    configure("json", stream=out)
    logging.getLogger("hookflash.calls").info("PlayStarted", extra={"callConnectionId": "c-1", "none": None})
    line = json.loads(out.getvalue())
    assert line["message"] == "PlayStarted"
    assert line["callConnectionId"] == "c-1"
    assert line["level"] == "info"
    assert "none" not in line


def test_auto_is_json_where_nobody_watches() -> None:
    out = io.StringIO()
    configure("auto", stream=out)
    logging.getLogger("hookflash").warning("hello")
    assert json.loads(out.getvalue())["logger"] == "hookflash"


def test_a_remote_party_cannot_forge_a_line() -> None:
    out = io.StringIO()
    configure("pretty", stream=out)
    logging.getLogger("hookflash.sip").info("INVITE", extra={"from": "x\r\n12:00 error forged \x1b[31m"})
    assert out.getvalue().count("\n") == 1
    assert "\x1b" not in out.getvalue()
    assert "\\r\\n" in out.getvalue()


def test_printable_keeps_what_people_can_read() -> None:
    assert printable("Grüße +49") == "Grüße +49"


def test_exceptions_keep_their_trace() -> None:
    for kind in ("json", "pretty"):
        out = io.StringIO()
        configure(kind, stream=out)  # type: ignore[arg-type]
        try:
            raise ValueError("broken")
        except ValueError:
            logging.getLogger("hookflash").error("failed", exc_info=sys.exc_info())
        assert "ValueError: broken" in out.getvalue()


def test_levels_below_the_wanted_one_are_left_out() -> None:
    out = io.StringIO()
    configure("json", level="warning", stream=out)
    logging.getLogger("hookflash").info("quiet")
    assert out.getvalue() == ""


def test_nothing_in_a_json_line_acts_on_a_terminal() -> None:
    out = io.StringIO()
    configure("json", stream=out)
    evil = "a\x1b[2J\x7f\x9b31m\u2028\u202e\u2066\ud800b\nc"
    logging.getLogger("hookflash").info("said", extra={"text": evil})
    (line,) = out.getvalue().splitlines()
    assert line.isprintable()
    assert json.loads(line)["text"] == evil
    line.encode()


def test_strangers_cannot_fill_the_log() -> None:
    out = io.StringIO()
    configure("json", stream=out)
    log = logging.getLogger("hookflash.sip")
    for _ in range(1000):
        log.info("malformed message", extra={"peer": "192.0.2.1"})
        log.info("call in", extra={"peer": "192.0.2.1", "leg": 1})
    messages = [json.loads(line)["message"] for line in out.getvalue().splitlines()]
    assert messages.count("call in") == 1000
    assert 200 <= messages.count("malformed message") < 500


def test_the_next_line_says_how_many_were_left_out() -> None:
    strangers = Strangers(rate=1.0, burst=2)

    def passes(at: float) -> logging.LogRecord | None:
        record = logging.makeLogRecord({"peer": "192.0.2.1", "created": at})
        return record if strangers.filter(record) else None

    assert [passes(100.0) is not None for _ in range(4)] == [True, True, False, False]
    assert passes(100.5) is None
    record = passes(101.5)
    assert record is not None
    assert vars(record)["left_out"] == 3
    record = passes(50.0)  # a clock that was set back
    assert record is None
    record = passes(51.0)
    assert record is not None


def test_values_that_json_has_no_form_for_are_written_as_text() -> None:
    out = io.StringIO()
    configure("json", stream=out)
    logging.getLogger("hookflash").info("odd", extra={"number": 1 << 70, "error": ValueError("broken")})
    line = json.loads(out.getvalue())
    assert line["number"] == 1 << 70
    assert line["error"] == "broken"


def test_the_time_is_iso_8601_in_utc_with_milliseconds() -> None:
    out = io.StringIO()
    configure("json", stream=out)
    record = logging.makeLogRecord({"name": "hookflash", "levelname": "INFO", "msg": "now"})
    record.created = 1_700_000_000.25
    logging.getLogger().handlers[0].handle(record)
    assert json.loads(out.getvalue())["time"] == "2023-11-14T22:13:20.250+00:00"
