"""Helpers for tests: of Hookflash itself and of applications that run against it."""
