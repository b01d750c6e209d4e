"""The tokens of GPT-2 and Whisper: byte-pair encoding over bytes that are written as printable letters."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable
from pathlib import Path

_PIECES = re.compile(r"'(?:s|t|re|ve|m|ll|d)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


def _letters() -> dict[int, str]:
    """A printable letter for each byte: itself where it is printable, one from U+0100 on where it is not."""
    kept = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return {byte: chr(byte) if byte in kept else chr(next(others)) for byte in range(256)}


_LETTER_OF = _letters()
_BYTE_OF = {letter: byte for byte, letter in _LETTER_OF.items()}


class BytePairs:
    """The vocabulary of a ``tokenizer.json``."""

    def __init__(self, path: Path) -> None:
        model = json.loads(path.read_text("utf-8"))["model"]
        self._ids: dict[str, int] = model["vocab"]
        self._tokens = {number: token for token, number in self._ids.items() if not token.startswith("<|")}
        merges = (tuple(one.split(" ") if isinstance(one, str) else one) for one in model["merges"])
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}

    def encode(self, text: str) -> list[int]:
        """The numbers of a text's tokens."""
        return [self._ids[token] for piece in _PIECES.findall(text) for token in self._merged(piece)]

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of tokens; those that are not in the vocabulary (marks) are left out."""
        written = "".join(self._tokens.get(number, "") for number in numbers)
        return bytes(_BYTE_OF[letter] for letter in written if letter in _BYTE_OF).decode("utf-8", "replace")

    def _merged(self, piece: str) -> list[str]:
        tokens = [_LETTER_OF[byte] for byte in piece.encode()]
        while len(tokens) > 1:
            pairs = [(self._ranks.get(pair), at) for at, pair in enumerate(itertools.pairwise(tokens))]
            known = [(rank, at) for rank, at in pairs if rank is not None]
            if not known:
                break
            _, at = min(known)
            tokens[at : at + 2] = [tokens[at] + tokens[at + 1]]
        return tokens
