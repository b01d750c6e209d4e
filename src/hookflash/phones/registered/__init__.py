"""SIP phones that register here: where they are, how they call and how they are called."""
