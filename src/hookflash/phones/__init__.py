"""Who can be called: phones behind SIP trunks. Implements :class:`hookflash.ports.edges.Phones`."""
