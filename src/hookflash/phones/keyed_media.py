"""The media as the engine sees them, where keys for some legs do not go into the audio."""

from __future__ import annotations

from hookflash.calls.effects import SendTones
from hookflash.phones.keys import InfoKeys
from hookflash.ports.edges import Media


class KeyedMedia:
    """Implements :class:`~hookflash.ports.edges.Media` before ``media``; ``keys`` has those by INFO."""

    def __init__(self, media: Media, keys: InfoKeys) -> None:
        self._media = media
        self._keys = keys
        # All but keys goes straight on.
        self.open_app_leg = media.open_app_leg
        self.close_app_leg = media.close_app_leg
        self.join_mix = media.join_mix
        self.leave_mix = media.leave_mix
        self.mute = media.mute
        self.play = media.play
        self.add_listener = media.add_listener
        self.remove_listener = media.remove_listener
        self.stop_audio = media.stop_audio

    def send_tones(self, effect: SendTones) -> None:
        if self._keys.takes(effect.leg):
            self._keys.send(effect)
        else:
            self._media.send_tones(effect)

    def stop_tones(self, sending: int) -> None:
        if not self._keys.stop(sending):
            self._media.stop_tones(sending)
