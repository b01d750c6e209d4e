"""Virtual phones: phones in memory that any program can script, for development and tests."""
