"""The hosts file is read when it has changed, not for every name."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from hookflash.phones.hosts import MAX_ADDRESSES, HostsFile

TEXT = """
# what is here
192.0.2.1\tSBC.example sbc  # the first
192.0.2.2 sbc.example
2001:db8::1 sbc.example
nonsense sbc.example
192.0.2.9
"""


def written(path: Path, text: str, when: int) -> None:
    path.write_text(text)
    os.utime(path, ns=(when, when))


async def test_it_is_read_once_and_again_only_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    written(path, TEXT, 1)
    hosts = HostsFile(path)
    for _ in range(10):
        assert await hosts.find("sbc.EXAMPLE", 4) == ("192.0.2.1", "192.0.2.2")
        assert await hosts.find("sbc.example", 6) == ("2001:db8::1",)
        assert await hosts.find("nowhere.example", 4) == ()
    assert hosts.reads == 1
    written(path, TEXT.replace("192.0.2.1", "192.0.2.7"), 2)
    assert await hosts.find("sbc", 4) == ("192.0.2.7",)
    assert hosts.reads == 2


async def test_a_file_that_goes_takes_its_names_along_and_may_come_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "hookflash.sip")
    path = tmp_path / "hosts"
    hosts = HostsFile(path)
    assert await hosts.find("sbc", 4) == ()
    assert not caplog.records
    written(path, TEXT, 1)
    assert await hosts.find("sbc", 4) == ("192.0.2.1",)
    path.unlink()
    assert await hosts.find("sbc", 4) == await hosts.find("sbc", 4) == ()
    assert [one.message for one in caplog.records] == ["hosts file unreadable"]
    written(path, TEXT, 1)
    assert await hosts.find("sbc", 4) == ("192.0.2.1",)


async def test_a_name_has_so_many_addresses_at_most_each_once(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("".join(f"192.0.2.{number % 200} many\n" for number in range(400)))
    found = await HostsFile(path).find("many", 4)
    assert len(found) == len(set(found)) == MAX_ADDRESSES
