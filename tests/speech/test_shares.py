"""Who gives way where room or turns are short."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hookflash.speech.shares import Shelf, TurnQueue


def test_who_floods_a_shelf_pushes_out_nobody_else() -> None:
    shelf = Shelf()
    for number in range(3):
        shelf.add(f"quiet{number}", 10, "quiet")
    for number in range(1000):
        shelf.add(f"loud{number}", 10, "loud")
        while shelf.total > 100:
            shelf.remove(shelf.first_to_go())
    assert all(f"quiet{number}" in shelf for number in range(3))
    assert [f"loud{number}" in shelf for number in (992, 993)] == [False, True]


def test_what_was_used_lately_stays_longest() -> None:
    shelf = Shelf()
    for key in "abc":
        shelf.add(key, 1)
    shelf.touch("a")
    shelf.touch("unknown")
    shelf.add("b", 5)
    assert shelf.first_to_go() == "c"
    assert (shelf.total, len(shelf), shelf.owner("b"), shelf.owner("x")) == (7, 3, "", None)
    with pytest.raises(ValueError, match="empty"):
        Shelf().first_to_go()


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 9), st.sampled_from("xyz"), st.booleans()))
)
def test_a_shelf_adds_up(steps: list[tuple[str, int, str, bool]]) -> None:
    shelf, kept = Shelf(), dict[str, tuple[int, str]]()
    for key, size, owner, away in steps:
        if away:
            shelf.remove(key)
            kept.pop(key, None)
        else:
            shelf.add(key, size, owner)
            kept[key] = (size, owner)
        assert shelf.total == sum(size for size, _ in kept.values())
        assert {key: shelf.owner(key) for key in kept} == {key: owner for key, (_, owner) in kept.items()}
        assert len(shelf) == len(kept)
        if kept:
            sums = {one: sum(size for size, owner in kept.values() if owner == one) for one in "xyz"}
            assert sums[kept[shelf.first_to_go()][1]] == max(sums.values())


def test_owners_take_turns() -> None:
    queue = TurnQueue[str](10)
    for item in ("a1", "a2", "a3", "b1", "c1", "c2"):
        assert queue.put(item, item[0]) is None
    assert [queue.pop() for _ in range(len(queue))] == ["a1", "b1", "c1", "a2", "c2", "a3"]
    with pytest.raises(KeyError):
        queue.pop()


def test_who_has_most_waiting_gives_way() -> None:
    queue = TurnQueue[str](4)
    for item in ("a1", "a2", "a3", "a4"):
        queue.put(item, "a")
    assert queue.put("a5", "a") == "a5"
    assert queue.put("b1", "b") == "a4"
    assert queue.put("b2", "b") == "a3"
    assert queue.put("b3", "b") == "b3"  # half is theirs
    assert queue.put("c1", "c") in ("a2", "b2")
    assert len(queue) == 4


@given(
    st.integers(1, 5), st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["put", "pop", "remove"])))
)
@example(1, [("a", "put"), ("b", "put"), ("a", "put"), ("a", "pop"), ("b", "pop")])
@example(2, [("a", "put"), ("a", "put"), ("b", "put"), ("a", "pop"), ("b", "pop")])
def test_nothing_is_lost_and_nobody_is_crowded_out(places: int, steps: list[tuple[str, str]]) -> None:
    queue, waiting = TurnQueue[tuple[str, int]](places), list[tuple[str, int]]()
    for number, (owner, step) in enumerate(steps):
        if step == "put":
            gone = queue.put((owner, number), owner)
            waiting.append((owner, number))
            if gone is not None:
                waiting.remove(gone)
                counts = {one: sum(who == one for who, _ in waiting) for one in "abc"}
                assert counts[gone[0]] >= max(counts.values()) - 1
        elif step == "pop" and waiting:
            found = queue.pop()
            assert found == next(one for one in waiting if one[0] == found[0])
            waiting.remove(found)
        elif step == "remove" and waiting:
            queue.remove(waiting.pop())
        queue.remove(("x", -1))
        assert len(queue) == len(waiting) <= places
        assert all(queue.of(one) == sum(who == one for who, _ in waiting) for one in "abc")
