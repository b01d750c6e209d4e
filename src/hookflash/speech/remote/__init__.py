"""Speech services as the server has them: asked by processes of their own, never from here."""
