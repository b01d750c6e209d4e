"""What the interop tests share: the system tests' server, with a trunk that leads to SIPp."""

from system.conftest import running_system, system  # noqa: F401
