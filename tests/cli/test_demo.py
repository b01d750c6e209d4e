"""The demo fails when something that should happen does not; that it succeeds is what ``make demo`` shows."""

from __future__ import annotations

import pytest

from hookflash.cli import demo


def test_the_demo_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "SCRIPT", "expect audio; press 124; expect digits 456 within 0.5; hangup")
    assert demo.run(show_logs=False) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert 'missing the phone: expected the digits "456" within 0.5 s, got nothing' in printed
    assert "missing SendDtmfTonesCompleted: expected 1, delivered 0" in printed
    assert "RecognizeCompleted: expected one two three, got one two four" in printed
    assert "ok:" not in printed


def test_without_the_example_the_demo_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "example_app", lambda: None)
    assert demo.run(show_logs=False) == 2
    assert "pip install 'hookflash[demo]'" in capsys.readouterr().out
