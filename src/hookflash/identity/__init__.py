"""Communication users and their access tokens (contract section 11). Knows no HTTP."""

from hookflash.identity.service import Grant, IdentityService

__all__ = ["Grant", "IdentityService"]
