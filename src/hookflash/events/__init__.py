"""Events on their way to apps: webhooks from the outbox, and Event Grid subscriptions."""

from hookflash.events.courier import Courier
from hookflash.events.dead_letters import DeadLetters
from hookflash.events.delivering import Withdrawn
from hookflash.events.eventgrid import VALIDATION_PATH, EventGrid
from hookflash.events.policies import CourierSettings
from hookflash.events.sender import Reply, Sender, Unreachable
from hookflash.events.subscriptions import (
    Schema,
    State,
    Subscription,
    SubscriptionError,
    SubscriptionStatus,
)
from hookflash.events.targets import GuardedResolver, TargetPolicy, TargetRefused
from hookflash.events.tokens import ISSUER, JWKS_PATH, OPENID_PATH, TokenMinter

__all__ = [
    "ISSUER",
    "JWKS_PATH",
    "OPENID_PATH",
    "VALIDATION_PATH",
    "Courier",
    "CourierSettings",
    "DeadLetters",
    "EventGrid",
    "GuardedResolver",
    "Reply",
    "Schema",
    "Sender",
    "State",
    "Subscription",
    "SubscriptionError",
    "SubscriptionStatus",
    "TargetPolicy",
    "TargetRefused",
    "TokenMinter",
    "Unreachable",
    "Withdrawn",
]
