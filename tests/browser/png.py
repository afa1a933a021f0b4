"""Makes a screenshot small: 256 colours at most, which pages of flat colours hardly need."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Final

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
COLOURS_MAX: Final = 256
CHANNELS: Final = {2: 3, 6: 4}
"""Channels by the colour type of the format: RGB, and RGB with opacity."""


def shrink(picture: bytes) -> bytes:
    """The same picture (8 bits a channel, not interlaced) with a palette. Raises ValueError."""
    width, height, channels, packed = _read(picture)
    lines = list(_unfilter(zlib.decompress(packed), width, height, channels))
    pixels = [[line[at : at + 3] for at in range(0, width * channels, channels)] for line in lines]
    counts = Counter(pixel for line in pixels for pixel in line)
    palette = [colour for colour, _ in counts.most_common(COLOURS_MAX)]
    index = {colour: place for place, colour in enumerate(palette)}
    for colour in counts.keys() - index.keys():
        index[colour] = min(range(len(palette)), key=lambda i: _distance(palette[i], colour))
    plain = b"".join(b"\0" + bytes(map(index.__getitem__, line)) for line in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", b"".join(palette)),
        (b"IDAT", zlib.compress(plain, 9)),
        (b"IEND", b""),
    )
    return SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks)


def _read(picture: bytes) -> tuple[int, int, int, bytes]:
    """Width, height, channels, and the compressed lines."""
    if not picture.startswith(SIGNATURE):
        raise ValueError("not a PNG")
    at, packed, header = len(SIGNATURE), b"", b""
    while at < len(picture):
        size, name = struct.unpack(">I4s", picture[at : at + 8])
        data = picture[at + 8 : at + 8 + size]
        header = data if name == b"IHDR" else header
        packed += data if name == b"IDAT" else b""
        at += size + 12
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if depth != 8 or interlaced or colour not in CHANNELS:
        raise ValueError(f"depth {depth}, colour type {colour}, interlaced {interlaced}")
    return width, height, CHANNELS[colour], packed


def _unfilter(data: bytes, width: int, height: int, step: int) -> Iterator[bytes]:
    """The lines as they were before each was filtered (PNG specification, 9.2)."""
    size = width * step
    above = bytearray(size)
    for row in range(height):
        start = row * (size + 1)
        kind, line = data[start], bytearray(data[start + 1 : start + 1 + size])
        if kind == 2:
            line = bytearray((a + b) & 255 for a, b in zip(line, above, strict=True))
        elif kind:
            for at in range(size):
                left = line[at - step] if at >= step else 0
                corner = above[at - step] if at >= step else 0
                line[at] = (line[at] + _predicted(kind, left, above[at], corner)) & 255
        yield bytes(line)
        above = line


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 1:
        return left
    if kind == 3:
        return (left + up) // 2
    guess = left + up - corner
    return min((left, up, corner), key=lambda one: abs(guess - one))


def _distance(one: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
