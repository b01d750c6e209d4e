"""Audio streaming and real-time transcription over WebSocket (contract sections 7 and 8)."""
