"""The configuration: one typed tree, from a TOML file, the environment and flags (flags win, then
environment).

Every setting has a name ``section.key`` and may also be given as ``HOOKFLASH_SECTION__KEY``. Lists are JSON
or items divided by commas. Entries of arrays of tables go by index (``HOOKFLASH_TRUNK__0__PASSWORD``, an
index one beyond the last adds an entry), or a whole section
as JSON (``HOOKFLASH_TRUNK='[{"name": "carrier", ...}]'``).
"""

from hookflash.config.development import (
    DEVELOPMENT_ACCESS_KEY,
    DEVELOPMENT_RESOURCE_ID,
    DEVELOPMENT_RESOURCE_NAME,
    connection_string,
)
from hookflash.config.errors import ConfigError, Problem
from hookflash.config.kinds import Address, PortRange
from hookflash.config.loading import DEFAULT_FILE, load, parse
from hookflash.config.owners import AuthSettings, IssuerSettings, NumberSettings, ResourceSettings
from hookflash.config.sip import PhoneSettings, RouteSettings, SipSettings, TrunkLimits, TrunkSettings
from hookflash.config.speech import SpeechProviderSettings, SpeechSettings
from hookflash.config.storage import StorageSettings
from hookflash.config.tree import (
    EventSettings,
    LimitSettings,
    MediaSettings,
    RecordingSettings,
    ServerSettings,
    Settings,
    SubscriptionSettings,
)

__all__ = [
    "DEFAULT_FILE",
    "DEVELOPMENT_ACCESS_KEY",
    "DEVELOPMENT_RESOURCE_ID",
    "DEVELOPMENT_RESOURCE_NAME",
    "Address",
    "AuthSettings",
    "ConfigError",
    "EventSettings",
    "IssuerSettings",
    "LimitSettings",
    "MediaSettings",
    "NumberSettings",
    "PhoneSettings",
    "PortRange",
    "Problem",
    "RecordingSettings",
    "ResourceSettings",
    "RouteSettings",
    "ServerSettings",
    "Settings",
    "SipSettings",
    "SpeechProviderSettings",
    "SpeechSettings",
    "StorageSettings",
    "SubscriptionSettings",
    "TrunkLimits",
    "TrunkSettings",
    "connection_string",
    "load",
    "parse",
]
