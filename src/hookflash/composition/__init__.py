"""Parts of the composition root: how settings become the rooms of a server."""
