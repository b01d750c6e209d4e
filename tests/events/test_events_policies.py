from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.events.policies import (
    GRID_SCHEDULE,
    CallbackPolicy,
    CourierSettings,
    GridPolicy,
    Policy,
    Verdict,
    backoff,
    outcome_of,
)

CALLBACK: Policy = CallbackPolicy(CourierSettings())
PLAIN: Policy = GridPolicy(lambda: 0.0)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_callback_with_2xx_is_delivered(status: int) -> None:
    assert CALLBACK.judge(status) is Verdict.DELIVERED


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_a_callback_that_may_pass_is_tried_again(status: int) -> None:
    assert CALLBACK.judge(status) is Verdict.RETRY


@pytest.mark.parametrize("status", [300, 301, 307, 400, 401, 403, 404, 409, 410, 415, 499, 600])
def test_the_rest_is_final_for_a_callback(status: int) -> None:
    assert CALLBACK.judge(status) is Verdict.REFUSED


def test_waits_of_callbacks_double_up_to_a_maximum() -> None:
    settings = CourierSettings(first_backoff=1.0, max_backoff=16.0)
    assert [backoff(settings, n) for n in range(7)] == [1, 2, 4, 8, 16, 16, 16]
    assert backoff(settings, 10_000) == 16
    assert [CALLBACK.wait(tries, 500, 0.0) for tries in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert CALLBACK.wait(1, 429, 7.0) == 7.0
    assert CALLBACK.wait(1, 429, 700.0) == settings.max_retry_after


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204])
def test_event_grid_takes_few_statuses_for_success(status: int) -> None:
    assert PLAIN.judge(status) is Verdict.DELIVERED


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_event_grid_does_not_repeat_what_cannot_succeed(status: int) -> None:
    assert PLAIN.judge(status) is Verdict.REFUSED


@pytest.mark.parametrize(
    "status", [205, 206, 299, 301, 404, 405, 408, 409, 410, 415, 422, 429, 500, 503, 599]
)
def test_event_grid_tries_everything_else_again(status: int) -> None:
    assert PLAIN.judge(status) is Verdict.RETRY


def test_the_schedule_of_event_grid() -> None:
    minute, hour = 60.0, 3600.0
    assert [PLAIN.wait(tries, 500, 0.0) for tries in range(1, 13)] == [
        10.0,
        30.0,
        minute,
        5 * minute,
        10 * minute,
        30 * minute,
        hour,
        3 * hour,
        6 * hour,
        12 * hour,
        12 * hour,
        12 * hour,
    ]
    assert (PLAIN.timeout, PLAIN.patience, PLAIN.max_age, PLAIN.parks) == (30.0, inf, inf, True)


@pytest.mark.parametrize(
    ("status", "retry_after", "wait"),
    [(0, 0.0, 10.0), (408, 0.0, 120.0), (503, 0.0, 30.0), (503, 45.0, 45.0), (429, 1e9, 43_200.0)],
)
def test_some_answers_ask_for_a_longer_wait(status: int, retry_after: float, wait: float) -> None:
    assert PLAIN.wait(1, status, retry_after) == wait


@given(st.integers(1, 40), st.floats(0, 1), st.sampled_from([0, 404, 408, 500, 503]))
def test_jitter_only_lengthens_and_only_a_little(tries: int, drawn: float, status: int) -> None:
    plain, jittered = PLAIN.wait(tries, status, 0.0), GridPolicy(lambda: drawn).wait(tries, status, 0.0)
    assert plain <= jittered <= plain * 1.1 + 1e-6
    assert plain >= GRID_SCHEDULE[min(tries, 10) - 1]


def test_outcomes_in_a_word() -> None:
    said = {status: outcome_of(status) for status in (200, 400, 401, 403, 404, 408, 410, 413, 429, 500, 503)}
    assert said == {
        200: "Delivered",
        400: "BadRequest",
        401: "Unauthorized",
        403: "Forbidden",
        404: "NotFound",
        408: "TimedOut",
        410: "NotFound",
        413: "PayloadTooLarge",
        429: "Busy",
        500: "GenericError",
        503: "Busy",
    }
