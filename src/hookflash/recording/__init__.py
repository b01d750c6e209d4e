"""Recording: files from what is heard in a call (contract section 9)."""
