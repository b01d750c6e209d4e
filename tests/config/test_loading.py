"""Configuration from file, environment and flags, and every mistake in it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.config import (
    DEVELOPMENT_ACCESS_KEY,
    DEVELOPMENT_RESOURCE_ID,
    Address,
    ConfigError,
    PortRange,
    Settings,
    connection_string,
    load,
    parse,
)
from hookflash.config.tree import SECTIONS

KEY = "b3duIGtleSBvZiB0aGlydHktdHdvIGJ5dGVzIG9yIG1vcmUsIHNlY3JldA=="
ID = "6d889502-3d7a-41a8-befa-d21fd80e8767"
RESOURCE = f"""
[[resource]]
name = "contoso"
id = "{ID}"
access_keys = ["{KEY}"]
"""
TRUNK = """
[[trunk]]
name = "carrier1"
targets = ["sip.example.org"]
"""


def problems(text: str, **sources: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, **sources)
    assert str(caught.value).count("error: ") == len(caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


def the_problem(text: str, **sources: dict[str, str]) -> str:
    [problem] = problems(text, **sources)
    return problem


# --- defaults -------------------------------------------------------------------------------------------


def test_nothing_at_all_is_a_development_server():
    settings = parse("")
    assert settings.server.bind == Address("127.0.0.1", 8080)
    assert settings.sip.bind == Address("0.0.0.0", 5060)
    [resource] = settings.resource
    assert (resource.name, resource.id) == ("devresource", DEVELOPMENT_RESOURCE_ID)
    assert resource.access_keys == (DEVELOPMENT_ACCESS_KEY,)
    assert settings.public_url == "http://127.0.0.1:8080"


def test_every_looseness_of_dev_mode_is_named_and_real():
    loose = dict(parse("").loosenesses())
    assert set(loose) == {
        "server.http_callbacks",
        "server.private_targets",
        "server.unowned_numbers",
        "server.open_own_surface",
        "server.virtual_phones",
        "sip.unknown_callers",
        "sip.answer_strangers",
        "resource",
    }
    assert all(loose.values())


def test_a_looseness_can_be_turned_off_by_name():
    settings = parse(f"[server]\nhttp_callbacks = false\n{RESOURCE}")
    assert "server.http_callbacks" not in dict(settings.loosenesses())
    assert "resource" not in dict(settings.loosenesses())


@pytest.mark.parametrize("policy", ["optional", "required"])
def test_keys_in_clear_are_a_looseness(policy):
    trunk = 'name = "carrier"\ntargets = ["sbc"]\n'
    settings = parse(f'[[trunk]]\n{trunk}srtp = "{policy}"\n')
    assert dict(settings.loosenesses())["trunk.srtp"] == (
        "trunk carrier: SRTP keys travel in clear, as SIP is not over TLS"
    )
    assert "trunk.srtp" not in dict(parse(f'[[trunk]]\n{trunk}srtp = "off"\n').loosenesses())


@pytest.mark.parametrize("given", ['["G729"]', "[]", '"PCMU"', '["L16/44100"]'])
def test_only_codecs_we_know_are_taken(given):
    assert "trunk.0.codecs" in problems(f'[[trunk]]\nname = "t"\ntargets = ["sbc"]\ncodecs = {given}\n')[0]


def test_the_connection_string_is_what_the_sdks_take():
    [resource] = parse("").resource
    assert connection_string(resource, "http://127.0.0.1:8080") == (
        f"endpoint=http://127.0.0.1:8080/;accesskey={DEVELOPMENT_ACCESS_KEY}"
    )


# --- production -----------------------------------------------------------------------------------------


def test_production_is_strict_by_default_and_loose_by_name():
    text = '[server]\nmode = "Production"\npublic_url = "https://calls.example.org/"\n' + RESOURCE
    settings = parse(text)
    assert settings.loosenesses() == []
    assert settings.public_url == "https://calls.example.org"
    loose = parse(text, environment={"HOOKFLASH_SERVER__PRIVATE_TARGETS": "yes"})
    assert [name for name, _ in loose.loosenesses()] == ["server.private_targets"]


def test_production_refuses_plain_http_subscriptions_unless_allowed_by_name():
    text = '[server]\nmode = "production"\npublic_url = "https://calls.example.org"\n' + RESOURCE
    text += '[[subscription]]\nname = "app"\nresource = "contoso"\nendpoint = "http://app.example.org/in"\n'
    found = the_problem(text)
    assert "subscription.0.endpoint: subscription 'app' has a plain http endpoint" in found
    parse(text, environment={"HOOKFLASH_SERVER__HTTP_CALLBACKS": "yes"})


def test_production_demands_a_resource_and_an_https_url():
    found = problems('[server]\nmode = "production"\n')
    assert found[0].startswith("hookflash.toml:2: resource: there is no resource")
    assert "server.public_url: is missing" in found[1]
    text = '[server]\nmode = "production"\npublic_url = "http://calls.example.org"\n' + RESOURCE
    assert "'http://calls.example.org' is not an https URL" in the_problem(text)


@pytest.mark.parametrize(("guid", "key"), [(DEVELOPMENT_RESOURCE_ID, KEY), (ID, DEVELOPMENT_ACCESS_KEY)])
def test_production_refuses_the_published_id_and_key(guid, key):
    text = f"""
        [server]
        mode = "production"
        public_url = "https://calls.example.org"
        [[resource]]
        name = "mine"
        id = "{guid}"
        access_keys = ["{key}"]
    """
    found = the_problem(text)
    assert "published development id or key" in found
    assert key not in found


# --- the whole tree -------------------------------------------------------------------------------------


def test_every_section_from_a_file(tmp_path: Path):
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("pem")
    file = tmp_path / "my.toml"
    file.write_text(f"""
        [server]
        bind = "[::1]:80"
        tls_cert = "cert.pem"
        tls_key = "key.pem"
        [sip]
        external_address = "203.0.113.7"
        {RESOURCE}
        [[number]]
        e164 = "+18005550100"
        resource = "Contoso"
        [[subscription]]
        name = "app"
        resource = "contoso"
        endpoint = "http://127.0.0.1:5000/events"
        filters = {{ "data.to.phoneNumber.value" = "+18005550100" }}
        {TRUNK}
        username = "me"
        password = "secret"
        allow = ["203.0.113.9/24"]
        codecs = ["pcma"]
        [[route]]
        pattern = '\\+49(\\d+)'
        trunk = "carrier1"
        rewrite = '0\\1'
        [speech]
        [recording]
        [media]
        workers = 0
        rtp_ports = "30000-30999"
        [limits]
        clock_skew = 60
    """)
    settings = load(file, {}, {})
    assert settings.server.bind == Address("::1", 80)
    assert str(settings.server.bind) == "[::1]:80"
    assert settings.server.tls_cert == str(tmp_path / "cert.pem")
    [trunk] = settings.trunk
    assert trunk.allow == ("203.0.113.0/24",)
    assert trunk.codecs == ("PCMA",)
    assert settings.subscription[0].filters == {"data.to.phoneNumber.value": "+18005550100"}
    assert settings.route[0].rewrite == "0\\1"
    assert settings.media.workers == 0
    assert settings.media.rtp_ports == PortRange(30000, 30999)
    assert settings.limits.clock_skew == 60.0
    assert settings.resource_named("CONTOSO") is settings.resource[0]
    assert "secret" not in repr(settings)
    assert KEY not in repr(settings)


def test_a_file_that_cannot_be_read(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"none\.toml: file: cannot be read: No such file"):
        load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe4")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load(tmp_path / "latin.toml")


# --- environment and flags ------------------------------------------------------------------------------


def test_flags_override_the_environment_which_overrides_the_file():
    text = '[server]\nbind = "127.0.0.1:1"\n'
    environment = {"HOOKFLASH_SERVER__BIND": "127.0.0.1:2", "PATH": "/bin", "HOOKFLASH_CONFIG": "x.toml"}
    assert parse(text).server.bind.port == 1
    assert parse(text, environment=environment).server.bind.port == 2
    assert parse(text, environment=environment, flags={"server.bind": "127.0.0.1:3"}).server.bind.port == 3


def test_entries_of_arrays_go_by_index():
    environment = {
        "HOOKFLASH_TRUNK__0__PASSWORD": "from the environment",
        "HOOKFLASH_TRUNK__0__USERNAME": "me",
        "HOOKFLASH_TRUNK__0__LIMITS__CALLS": "1000",
        "HOOKFLASH_TRUNK__1__NAME": "second",
        "HOOKFLASH_TRUNK__1__TARGETS": "a.example.org, b.example.org:5080",
        "HOOKFLASH_TRUNK__1__CODECS": '["PCMA"]',
        "HOOKFLASH_TRUNK__1__LIMITS": '{"calls_per_second": 50}',
    }
    first, second = parse(TRUNK, environment=environment).trunk
    assert (first.name, first.password, first.limits.calls) == ("carrier1", "from the environment", 1000)
    assert second.targets == ("a.example.org", "b.example.org:5080")
    assert second.codecs == ("PCMA",)
    assert second.limits.calls_per_second == 50.0


def test_a_whole_section_as_json_replaces_the_file():
    entries = [{"name": "other", "targets": ["x.example.org"], "limits": {"calls": 1000}}]
    settings = parse(TRUNK, environment={"HOOKFLASH_TRUNK": json.dumps(entries)})
    assert [(one.name, one.limits.calls) for one in settings.trunk] == [("other", 1000)]
    assert parse("", environment={"HOOKFLASH_MEDIA": '{"workers": 3}'}).media.workers == 3


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("HOOKFLASH_SERVER__BND", "x", "did you mean 'bind'?"),
        ("HOOKFLASH_SRVER__BIND", "x", "did you mean 'server'?"),
        ("HOOKFLASH_SERVER__BIND", "x", 'give an address "host:port"'),
        ("HOOKFLASH_SERVER__HTTP_CALLBACKS", "maybe", "true or false"),
        ("HOOKFLASH_MEDIA__WORKERS", "many", "a whole number of processes"),
        ("HOOKFLASH_TRUNK__1__NAME", "x", "there is no entry 0 before entry 1"),
        ("HOOKFLASH_SERVER__0__BIND", "x", "0 is an index, but there is no list here"),
        ("HOOKFLASH_TRUNK__NAME__X", "x", "'name' is not an index"),
        ("HOOKFLASH_TRUNK__NAME", "x", "this names no setting"),
        ("HOOKFLASH_TRUNK", "{}", "give a JSON array of objects"),
        ("HOOKFLASH_MEDIA", "3", "give a JSON object"),
        ("HOOKFLASH_MEDIA", "{", "give a JSON object"),
        ("HOOKFLASH_EVENTS__BEGIN", "x", "there is no setting 'begin' in 'events'; those there are: "),
        ("HOOKFLASH_SERVER__PORT", "x", "those there are: bind, "),
    ],
)
def test_mistakes_in_the_environment_name_the_variable(name, value, says):
    found = the_problem("", environment={name: value})
    assert found.startswith(f"environment {name}: ")
    assert says in found


def test_mistakes_in_flags_name_the_flag():
    assert the_problem("", flags={"server.bind": "8080"}).startswith("flag --server.bind: server.bind: ")


# --- mistakes in the file -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "[server]\nbind = 8080",
            'hookflash.toml:2: server.bind: 8080 does not fit; give an address "host:port"',
        ),
        ('[server]\nbind = "127.0.0.1:65536"', "does not fit"),
        ('[server]\nbind = "[::zz]:80"', "does not fit"),
        ('[server]\nbind = "a b:80"', "does not fit"),
        ('[server]\nmode = "prod"', 'one of "dev", "production"'),
        ('[server]\npublic_url = "calls.example.org"', "https:// or http://"),
        ('[server]\ndata_dir = ""', "a path"),
        ('[server]\nhttp_callbacks = "true"', "true or false"),
        ('[sip]\nexternal_address = "300.1.1.1"', "an IP address or host name"),
        ('[sip]\nexternal_address = "a..b"', "an IP address or host name"),
        ('[media]\nrtp_ports = "2000"', "a port range"),
        ('[media]\nrtp_ports = "30000-20000"', "a port range"),
        ("[media]\nworkers = true", "a whole number"),
        ("[limits]\nclock_skew = 0", "from 1 to 86400"),
        ("server = 3", "this is not a table; write [server] once"),
        ("[[server]]\nbind = 'x:1'", "this is not a table"),
        ("[trunk]\nname = 'x'", "this is not an array of tables; write [[trunk]]"),
        ("[[number]]\ne164 = '0049'", "an E.164 number"),
        ("[resource]", "write [[resource]]"),
    ],
)
def test_values_that_do_not_fit_say_what_would(line, says):
    assert any(says in problem for problem in problems(line))


def test_a_syntax_error_names_its_line():
    found = the_problem('[server]\n\nbind = "x')
    assert found.startswith("hookflash.toml:3: syntax: this is not TOML: ")
    assert the_problem("[server").startswith("hookflash.toml:1: syntax: ")


def test_every_mistake_is_reported_with_its_own_line():
    found = problems("""
[server]
bnd = "127.0.0.1:8080"
bind = "nowhere"

[[trunk]]
name = "carrier1"

[[trunk]]
name = "carrier2"
targets = [
  "a.example.org",   # fine
  "b example org",
]
srtp = "maybe"

[[route]]
pattern = "("
trunk = "carrier1"
""")
    places = [problem.split(": ")[0:2] for problem in found]
    assert places == [
        ["hookflash.toml:3", "server.bnd"],
        ["hookflash.toml:4", "server.bind"],
        ["hookflash.toml:6", "trunk.0.targets"],
        ["hookflash.toml:11", "trunk.1.targets"],
        ["hookflash.toml:15", "trunk.1.srtp"],
        ["hookflash.toml:18", "route.0.pattern"],
    ]


def test_a_secret_is_never_shown():
    found = problems('[[resource]]\nname = "a"\nid = "b"\naccess_keys = ["hunter2"]\n')
    assert not any("hunter2" in problem for problem in found)


@pytest.mark.parametrize("key", ["c2hvcnQ=", "not base64!", ""])
def test_access_keys_are_base64_of_enough_bytes(key):
    text = f'[[resource]]\nname = "a"\nid = "{ID}"\naccess_keys = ["{key}"]\n'
    assert "base64 of at least 32 bytes" in the_problem(text)


# --- settings that do not go together -------------------------------------------------------------------


def test_a_route_names_a_trunk_that_exists():
    text = TRUNK + '[[route]]\npattern = ".*"\ntrunk = "carrier2"\n'
    found = the_problem(text)
    assert found.startswith(
        "hookflash.toml:7: route.0.trunk: names trunk 'carrier2', which is not configured"
    )
    assert "trunks are: carrier1" in found


@pytest.mark.parametrize(
    "entry",
    [
        '[[number]]\ne164 = "+18005550100"\nresource = "nobody"\n',
        '[[subscription]]\nname = "s"\nresource = "nobody"\nendpoint = "https://example.org"\n',
    ],
)
def test_numbers_and_subscriptions_name_a_resource_that_exists(entry):
    assert "names resource 'nobody', which is not configured" in the_problem(RESOURCE + entry)


def test_what_refers_to_a_broken_section_is_not_reported_too():
    text = '[[resource]]\nname = "a"\n[[number]]\ne164 = "+18005550100"\nresource = "a"\n'
    assert [problem.split(": ")[1] for problem in problems(text)] == [
        "resource.0.id",
        "resource.0.access_keys",
    ]


def test_nothing_is_given_twice():
    again = RESOURCE.replace("contoso", "CONTOSO")
    found = problems(RESOURCE + again)
    assert [problem.split(": ")[1] for problem in found] == [
        "resource.1.name",
        "resource.1.id",
        "resource.1.access_keys",
    ]
    assert "(hookflash.toml:3)" in found[0]


def test_certificates_come_in_pairs_and_exist():
    found = problems('[server]\ntls_cert = "none.pem"\n')
    assert "server.tls_cert: is given without tls_key" in found[0]
    assert "there is no file 'none.pem'" in found[1]
    assert "SIP over TLS needs a certificate" in problems('[sip]\ntls_bind = "0.0.0.0:5061"\n')[0]


def test_https_has_a_port_of_its_own(tmp_path: Path):
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("pem")
    file = tmp_path / "a.toml"
    file.write_text('[server]\ntls_cert = "cert.pem"\ntls_key = "key.pem"\ntls_bind = "127.0.0.1:8080"\n')
    with pytest.raises(ConfigError, match=r"is the same address as server\.bind"):
        load(file)


def test_credentials_of_trunks_are_whole():
    assert "is given without password" in the_problem(TRUNK + 'username = "me"\n')
    assert "is given without username" in the_problem(TRUNK + 'password = "pw"\n')
    assert "has no credentials" in problems(TRUNK + "register = true\n")[0]


def test_a_rewrite_refers_to_groups_that_exist():
    text = TRUNK + "[[route]]\npattern = '\\+49(\\d+)'\ntrunk = 'carrier1'\nrewrite = '0\\2'\n"
    assert "does not go with the pattern" in the_problem(text)


PHONE = '[[phone]]\nusername = "bob"\npassword = "b"\nuser = "8:acs:a_b"\n'


def test_a_phone_that_may_register():
    (phone,) = parse(PHONE).phone
    assert (phone.username, phone.user, phone.srtp, phone.numbers) == ("bob", "8:acs:a_b", "optional", ())


@pytest.mark.parametrize(
    ("text", "key", "why"),
    [
        (PHONE.replace("bob", "bob smith"), "phone.0.username", "a user name without spaces"),
        (PHONE.replace("8:acs:a_b", "bob"), "phone.0.user", "a communication user such as"),
        (PHONE.replace("8:acs:a_b", "4:+14255550100"), "phone.0.user", "a communication user such as"),
        (PHONE + 'caller = "+14255550100"\n', "phone.0.caller", "it may dial none"),
        (PHONE + 'numbers = ["("]\n', "phone.0.numbers", "a prefix such as"),
        (PHONE + PHONE, "phone.1.username", "was given before"),
        (
            TRUNK + 'challenge = true\nusername = "bob"\npassword = "pw"\n' + PHONE,
            "phone.0.username",
            "is also the username of trunk",
        ),
        ("[sip]\nmin_registration = 600\nmax_registration = 300\n", "sip.min_registration", "is more than"),
    ],
)
def test_phones_that_could_not_work(text, key, why):
    found = the_problem(text)
    assert f" {key}: " in found
    assert why in found


@pytest.mark.parametrize("pattern", ["+49*", "+49", "*", "0049"])
def test_a_prefix_is_a_pattern_too(pattern):
    entry = f"[[route]]\npattern = '{pattern}'\ntrunk = 'carrier1'\n"
    assert parse(TRUNK + entry + "rewrite = '0\\1'").route[0].pattern == pattern
    assert "does not go with the pattern" in the_problem(TRUNK + entry + "rewrite = '0\\2'")


# --- invariants -----------------------------------------------------------------------------------------

NAMES = [(section, name) for section, made in SECTIONS.items() for name in made.__dataclass_fields__]


@given(where=st.sampled_from(NAMES), at=st.integers(0, 40), letter=st.sampled_from("qxz"))
def test_one_wrong_letter_in_a_name_leads_to_the_right_one(where, at, letter):
    section, name = where
    at %= len(name) + 1
    wrong = name[:at] + letter + name[at:]
    found = problems(
        "", environment={f"HOOKFLASH_{section}__{'0__' if section in ARRAYS else ''}{wrong}": "1"}
    )
    near = [problem for problem in found if f"there is no setting {wrong!r}" in problem]
    assert len(near) == 1
    assert "did you mean" in near[0]
    assert f"{name!r}" in near[0] or at in (0, len(name))


ARRAYS = {
    *("resource", "issuer", "number", "subscription", "trunk", "route", "phone", "speech_provider"),
    "storage",
}


@given(text=st.text(st.sampled_from("[]{}=.,\"'#\n ab1\\"), max_size=60))
def test_any_text_is_settings_or_a_list_of_mistakes(text):
    try:
        settings = parse(text)
    except ConfigError as error:
        problems = error.problems
    else:
        assert isinstance(settings, Settings)
        return
    assert problems
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assert [problem.key for problem in problems] == ["syntax"]


def test_sip_over_tls_needs_files_and_a_reason(tmp_path):
    assert "no file" in problems('[sip]\ntls_authorities = "none.pem"\n')[0]
    assert "sip.tls_bind" in problems('[sip]\ntls_clients = "required"\n')[0]
    assert "need a certificate" in problems('[sip]\nwss_bind = "0.0.0.0:443"\n')[0]
    assert "ws_origins" in problems('[sip]\nws_origins = ["phone.example"]\n')[0]
    assert "every hop" in problems(TRUNK + "sips = true\n")[0]
    settings = parse(TRUNK + 'transport = "tls"\nsips = true\n[sip]\ntls_verify = false\n')
    assert "sip.tls_verify" in dict(settings.loosenesses())


@pytest.mark.parametrize(
    ("text", "kept"),
    [("192.0.2.1", "192.0.2.1"), ("2001:DB8::1", "2001:db8::1"), ("[192.0.2.1]:5353", "[192.0.2.1]:5353")],
)
def test_name_servers_are_addresses(text, kept):
    assert parse(f'[sip]\nname_servers = ["{text}"]\n').sip.name_servers == (kept,)


@pytest.mark.parametrize("text", ["dns.example", "192.0.2.1:53", "[::1]", "[::1]:0", "[x]:53", "[::1]:y", ""])
def test_name_servers_have_no_names(text):
    assert "name_servers" in problems(f'[sip]\nname_servers = ["{text}"]\n')[0]


def test_a_challenged_trunk_needs_credentials_of_its_own():
    assert "no credentials" in problems(TRUNK + "challenge = true\n")[0]
    both = 'challenge = true\nusername = "u"\npassword = "p"\n'
    other = '[[trunk]]\nname = "carrier2"\ntargets = ["b.example"]\n'
    assert "could not be told apart" in problems(TRUNK + both + other + both)[0]
    assert parse(TRUNK + both).trunk[0].challenge


def test_callers_of_a_trunk_are_patterns_and_what_becomes_of_others_is_said():
    assert "no number to show" in problems(TRUNK + 'callers = ["owned"]\n')[0]
    assert "callers_otherwise" in problems(TRUNK + 'callers_otherwise = "hide"\n')[0]
    assert parse(TRUNK + 'callers = ["owned"]\ncallers_otherwise = "refuse"\n').trunk[0].callers == ("owned",)


@pytest.mark.parametrize("rule", ["00*", r"00* -> \2", "( -> 1", "-> 1x -> \\"])
def test_rewriting_rules_have_two_sides_that_fit(rule):
    assert "caller_rewrite" in problems(TRUNK + f"caller_rewrite = ['{rule}']\n")[0]


def test_rewriting_rules_are_kept_as_they_are():
    rules = (r"00* -> +\1", r"\+49(\d+)->0\1")
    text = ", ".join(f"'{rule}'" for rule in rules)
    assert parse(TRUNK + f"inbound_rewrite = [{text}]\n").trunk[0].inbound_rewrite == rules
