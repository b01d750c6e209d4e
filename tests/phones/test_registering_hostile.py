"""Who means harm, with a password or without: whom it can register, ring, find out or wear down."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from phones.exchange import US, Bench, sdp
from phones.registering import ALICE, BOB, DESK, HERS, SOFT, Handset, contacts, office

from hookflash.calls.effects import DialLeg
from hookflash.calls.facts import DevicesChanged
from hookflash.phones.registered.locations import Bounds
from hookflash.sip.digest import DigestServer, Verdict, strongest
from hookflash.sip.digest import answer as digest_answer
from hookflash.sip.flow import Flow
from hookflash.sip.message import Response

STRANGER = ("203.0.113.66", 5066)


def where(bench: Bench) -> list[tuple[str, tuple[str, int]]]:
    """Who is registered, and where calls to it go."""
    return [(one.binding.name, one.binding.path.remote) for one in bench.phones.registrar.bindings()]


def told(answers: list[Response]) -> list[tuple[int, str, list[str]]]:
    """What can be seen of answers, but for what is new each time."""
    return [(one.status, one.reason, [name for name, _ in one.headers]) for one in answers]


# --- in somebody else's name ----------------------------------------------------------------------------


async def test_a_password_is_good_for_its_own_name_only() -> None:
    bench = Bench(office())
    hers = Handset(bench, HERS, "alice")
    hers.register()
    bob = Handset(bench, DESK, "bob")
    for lines in (("Contact: <sip:bob@h>", "Expires: 300"), ("Contact: *", "Expires: 0"), ()):
        assert bob.send(*lines, to="alice").status == 403, lines
    liar = Handset(bench, SOFT, "alice", "bob's secret")
    assert liar.register().status == 401
    assert where(bench) == [("alice", HERS)]


@pytest.mark.parametrize("name", ["alice%00", "ALICE", "alice;x=y", "%61lice", "alice%20"])
async def test_nor_for_names_that_look_like_it(name: str) -> None:
    bench = Bench(office())
    Handset(bench, HERS, "alice").register()
    Handset(bench, DESK, "bob").send("Contact: *", "Expires: 0", to=name)
    assert where(bench) == [("alice", HERS)]


async def test_what_was_overheard_registers_nobody_elsewhere() -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob")
    (first,) = phone.ask(phone.request())
    proof = phone.proof(first)
    phone.ask(phone.request(f"Contact: {phone.contact()}", "Expires: 300", proof))
    thief = Handset(bench, STRANGER, "bob")
    data = thief.request("Contact: <sip:bob@203.0.113.66>", "Expires: 300", proof)
    (answer,) = thief.ask(data)
    assert answer.status == 401
    assert "stale=true" in (answer.headers.get("WWW-Authenticate") or "").replace('"', "")
    # Nor what was carried out already, word for word: it changes nothing.
    again = phone.request(f"Contact: {phone.contact()}", "Expires: 0", proof)
    assert [one.status for one in thief.ask(again)] == [401]
    assert where(bench) == [("bob", DESK)]


def test_a_count_that_was_used_stays_used_however_many_nonces_are_used_since() -> None:
    server = DigestServer("hookflash", b"s" * 32, algorithms=("MD5",))

    def use(now: float) -> str:
        challenge = strongest(server.challenges(now))
        assert challenge is not None
        return digest_answer(challenge, "REGISTER", "sip:h", "bob", "pw", cnonce="c")

    def verdict(value: str, now: float) -> Verdict:
        return server.verify([value], "REGISTER", "sip:h", now, lambda name: "pw").verdict

    overheard = use(100.0)
    assert verdict(overheard, 100.0) is Verdict.OK
    for number in range(10_050):
        assert verdict(use(100.0 + number / 1000), 100.0 + number / 1000) is Verdict.OK
    assert verdict(overheard, 111.0) is Verdict.STALE
    assert verdict(use(111.0), 111.0) is Verdict.OK
    assert len(server._counts) == 10_000


# --- calls that go elsewhere ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "contact",
    [
        "<sip:bob@192.0.2.2:5060>",
        "<sip:bob@127.0.0.1:8080;transport=tcp>",
        "<sip:bob@victim.example;maddr=203.0.113.1>",
        "<sip:bob@victim.example?Route=%3Csip:203.0.113.1;lr%3E>",
        "<sips:bob@victim.example>",
        "<sip:bob%0d%0aRoute:%20x@victim.example>",
        "<sip:bob@[::1]:5060>",
    ],
)
async def test_calls_go_where_the_phone_is_whatever_its_contact_and_routes_say(contact: str) -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob")
    routes = ("Route: <sip:203.0.113.1;lr>", "Record-Route: <sip:203.0.113.1;lr>")
    assert phone.send(f"Contact: {contact}", "Expires: 300", *routes).status == 200
    bench.phones.dial(DialLeg(7, 3, BOB, caller=None, source=ALICE))
    sent = [flow.local for data, _, flow in bench.wire if data.startswith(b"INVITE")]
    await bench.settle()
    (invite,) = bench.sent("INVITE")
    assert "Route" not in invite.headers
    assert "maddr" not in invite.uri
    assert "?" not in invite.uri
    assert phone.far.kinds() == ["IncomingInvite"], sent


async def test_a_proxy_that_wants_calls_to_come_through_it_is_told_that_they_do_not() -> None:
    bench = Bench(office())
    answer = Handset(bench, DESK, "bob").send(
        "Contact: <sip:bob@h>", "Path: <sip:203.0.113.1;lr>", "Supported: path"
    )
    assert (answer.status, answer.headers.get("Unsupported")) == (420, "path")
    assert where(bench) == []


# --- more than there is room for ------------------------------------------------------------------------


async def test_ten_thousand_contacts_are_ten() -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob")
    assert phone.send("Contact: " + ", ".join(f"<sip:{n}@h>" for n in range(99))).status == 400
    for number in range(200):
        phone.send(f"Contact: <sip:{number}@h>", "Expires: 300")
    assert len(phone.send().headers.all("Contact")) == 10
    changes = [fact.devices for fact in bench.facts if isinstance(fact, DevicesChanged)]
    assert changes == list(range(1, 11))


async def test_a_message_full_of_contacts_is_read_no_further_than_to_its_bounds() -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob", connection=4)
    (first,) = phone.ask(phone.request())
    crowd = ", ".join(f"<sip:{n}@h>" for n in range(540))
    lines = [f"Contact: {crowd}"] * 4
    begun = time.process_time()
    answers = phone.ask(phone.request(*lines, phone.proof(first)))
    assert [one.status for one in answers] in ([400], [413], [513])
    assert time.process_time() - begun < 1.0, "a second is a hundred times what it takes"
    assert where(bench) == []


async def test_what_is_kept_of_a_phone_is_bounded() -> None:
    bench = Bench(office())
    phone = Handset(bench, DESK, "bob")
    phone.call_id = "x" * 257
    assert phone.register().status == 400
    phone.call_id = "x" * 256
    assert phone.register().status == 200
    for contact in (f"<sip:{'b' * 600}@h>", f'<sip:b@h>;+sip.instance="{"u" * 300}"'):
        assert phone.send(f"Contact: {contact}").status == 400
    agent = phone.send("User-Agent: " + "desk\t" * 300, f"Contact: {phone.contact()}")
    assert agent.status == 200
    assert all(len(one.binding.agent) <= 256 for one in bench.phones.registrar.bindings())


async def test_a_table_that_is_full_goes_on_serving_those_who_are_in_it() -> None:
    bench = Bench(office(bounds=Bounds(total=2)))
    bob, hers = Handset(bench, DESK, "bob"), Handset(bench, HERS, "alice")
    bob.register()
    assert bob.send("Contact: <sip:second@h>").status == 200
    assert hers.register().status == 503
    assert bob.register().status == 200
    bob.send("Contact: <sip:second@h>", "Expires: 0")
    assert hers.register().status == 200


# --- finding out who there is ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE", "PUBLISH"])
@pytest.mark.parametrize("silent", [False, True])
async def test_a_stranger_hears_the_same_of_those_who_are_and_are_not(method: str, silent: bool) -> None:
    heard = []
    for name in ("alice", "nobody"):
        bench = Bench(office(silent=silent))
        Handset(bench, HERS, "alice").register()
        stranger = Handset(bench, STRANGER, name)
        heard.append(told(stranger.ask(stranger.request(method=method))))
    assert heard[0] == heard[1]


@pytest.mark.parametrize("host", ["192.0.2.2", "203.0.113.66"])
async def test_nor_is_it_told_apart_where_anybody_may_call(host: str) -> None:
    heard = []
    for name in ("alice", "nobody", "101"):
        bench = Bench(office(accept_unknown=True))
        Handset(bench, HERS, "alice").register()
        far = bench.at(STRANGER)
        bench.facts.clear()
        bench.wire.clear()
        flow = Flow("UDP", STRANGER, US)
        far.call("sip:+14255550100@192.0.2.2", sdp())
        ((data, _, _),) = bench.wire
        bench.wire.clear()
        bench.seen.clear()
        sent = data.replace(b"+12065550100@203.0.113.66", f"{name}@{host}".encode())
        assert sent != data
        bench.phones.ingress.receive(sent, flow._replace(local=US, remote=STRANGER))
        heard.append([one.status for one in bench.seen if isinstance(one, Response)])
    assert heard[0] == heard[1] == heard[2]
    assert (401 in heard[0]) == (host == "192.0.2.2")


async def test_names_cannot_be_told_by_who_gets_banned_first() -> None:
    counts = []
    for name in ("alice", "nobody"):
        bench = Bench(office())
        guesser = Handset(bench, STRANGER, name, "guess")
        count = 0
        while not bench.phones.ingress.barred(STRANGER[0]):
            count += 1
            first = guesser.ask(guesser.request())
            guesser.ask(guesser.request(guesser.proof(first[0])))
        counts.append(count)
    assert counts[0] == counts[1] <= 5


async def test_what_is_said_to_a_phone_of_other_phones_is_nothing() -> None:
    """Two phones of one user are told apart from each other as well."""
    bench = Bench(office())
    Handset(bench, SOFT, "bob-soft", "soft secret").register()
    Handset(bench, HERS, "alice").register()
    desk = Handset(bench, DESK, "bob")
    assert [value.split("@")[0] for value in contacts(desk.register())] == ["<sip:bob"]


def test_no_password_is_in_what_is_written_of_a_phone() -> None:
    config = office()
    assert "secret" not in repr(replace(config.phones[0]))
    assert "secret" not in repr(config)
