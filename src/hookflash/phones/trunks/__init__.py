"""Trunks as somebody has to look after them: are they up, do they know us, how much do they carry."""
