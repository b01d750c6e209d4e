from __future__ import annotations

import pytest

from hookflash.wire import versions
from hookflash.wire.versions import NEWEST, PREVIEW, STABLE, at_least, is_preview, key, resolve


def test_known_versions_are_in_order() -> None:
    assert list(STABLE) == sorted(STABLE, key=key)
    assert list(PREVIEW) == sorted(PREVIEW, key=key)
    assert STABLE[-1] == NEWEST


def test_a_preview_is_before_the_stable_version_of_its_date() -> None:
    assert not at_least("2024-09-15-preview", "2024-09-15")
    assert at_least("2024-09-15", "2024-09-15-preview")
    assert at_least("2024-09-15", "2024-09-01-preview")
    assert at_least("2024-09-15", "2024-09-15")
    assert not at_least("2024-04-15", "2024-06-15-preview")


@pytest.mark.parametrize(
    "text", ["", "latest", "2024-9-15", "2024-09-15-beta", "2024/09/15", "x" * 99, "２０２４-09-15"]
)
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(ValueError, match="api-version"):
        key(text)
    assert resolve(text) is None
    assert resolve(text, strict=True) is None


def test_leniency() -> None:
    assert resolve("2024-09-15") == "2024-09-15"
    assert resolve("2025-08-15-PREVIEW") == "2025-08-15-preview"
    assert resolve("2031-01-01") == NEWEST
    assert resolve("2031-01-01", strict=True) is None
    assert is_preview("2025-08-15-Preview")
    assert not is_preview(NEWEST)


def test_the_sdks_default_is_known() -> None:
    from azure.communication.callautomation._api_versions import DEFAULT_VERSION

    assert NEWEST == DEFAULT_VERSION
    assert "2023-10-01" in versions.IDENTITY
