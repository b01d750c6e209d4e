"""What is removed of compiled kernels, and what is not."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
from pathlib import Path

import pytest

from hookflash.plane import kernel_cache
from hookflash.plane.kernel_cache import UNUSED, tidy_up
from hookflash.plane.kernels import compiling

NOW = 2_000_000_000.0
OLD, NEW = NOW - UNUSED - 1, NOW - UNUSED + 1


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    return tmp_path


def kept(base: Path, name: str, used: float) -> Path:
    """A folder with a kernel in it."""
    inner = base / name / "kernels_1"
    inner.mkdir(parents=True)
    (inner / "fit.nbi").write_bytes(b"x")
    os.utime(base / name, (used, used))
    return base / name


def test_what_was_not_used_for_a_month_goes_and_all_else_stays(base: Path) -> None:
    old = [kept(base, f"{number:016x}", OLD) for number in range(3)] + [kept(base, "gone-" + "a" * 16, OLD)]
    stays = [
        kept(base, "b" * 16, NEW),
        kept(base, "c" * 15, OLD),
        kept(base, "somebody_elses", OLD),
        kept(base, "G" * 16, OLD),
    ]
    (base / ("d" * 16)).write_bytes(b"a file")
    (base / ("e" * 16)).symlink_to(stays[1])
    os.utime(base / ("d" * 16), (OLD, OLD))
    assert tidy_up(lambda: NOW) == 4
    assert not any(folder.exists() for folder in old)
    assert all((folder / "kernels_1" / "fit.nbi").exists() for folder in stays)
    assert (base / ("d" * 16)).exists()
    assert (base / ("e" * 16)).is_symlink()
    assert tidy_up(lambda: NOW) == 0


def test_one_start_removes_so_many_and_no_more(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_cache, "MOST_REMOVED", 2)
    for number in range(5):
        kept(base, f"{number:016x}", OLD)
    assert [tidy_up(lambda: NOW) for _ in range(4)] == [2, 2, 1, 0]
    monkeypatch.setattr(kernel_cache, "MOST_SEEN", 0)
    kept(base, "a" * 16, OLD)
    assert tidy_up(lambda: NOW) == 0


def test_a_folder_in_use_stays_however_old_and_using_makes_it_young(base: Path) -> None:
    folder = kept(base, "a" * 16, 1_000_000.0)
    compiling.hold(str(folder))
    assert folder.stat().st_mtime > 1_000_000_000.0
    os.utime(folder, (OLD, OLD))
    assert tidy_up(lambda: NOW) == 0
    assert (folder / "kernels_1" / "fit.nbi").exists()
    fresh = base / ("b" * 16)
    compiling.hold(str(fresh))
    assert fresh.is_dir()


def test_a_folder_that_is_used_while_it_is_looked_at_stays(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = kept(base, "a" * 16, OLD)
    really = fcntl.flock

    def used_meanwhile(descriptor: int, how: int) -> None:
        os.utime(folder, (NOW, NOW))
        really(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", used_meanwhile)
    assert tidy_up(lambda: NOW) == 0
    assert folder.exists()


def test_several_processes_tidy_up_at_once(base: Path) -> None:
    for number in range(60):
        kept(base, f"{number:016x}", OLD)
    young = kept(base, "f" * 16, NEW)
    context = multiprocessing.get_context("fork")
    with context.Pool(4) as pool:
        removed = pool.map(_tidy, range(4))
    assert sum(removed) == 60
    assert [path.name for path in base.iterdir()] == [young.name]


def _tidy(_: int) -> int:
    return tidy_up(lambda: NOW)


def test_no_folder_at_all_is_no_trouble(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(base / "none"))
    assert tidy_up() == 0
