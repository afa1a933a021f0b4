"""The recording that tells a treatment: 8 kHz mono, and of one length whatever it tells.

All that could be told in a study are rendered together and filled up to the longest, so that
neither the size of a recording nor the time it takes to make says which of them it is. They are
kept in this process' memory, all or none; nothing is written anywhere.
"""

from __future__ import annotations

import functools
import io
import wave
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.messages import Labels, Message
from ivr.speech import speak
from prompts import catalogue

RATE: Final = 8000
MIMETYPE: Final = "audio/wav"
_BEFORE, _BETWEEN = 0.4, 1.2  # seconds of silence
_CUTOFF: Final = 3400.0  # Hz: what a telephone carries
_TAPS: Final = 129
_STUDIES_KEPT: Final = 16


def render(told: Labels, among: Sequence[Labels], language: str) -> bytes:
    """A WAV file that says twice that this is the treatment. `among` are all that the study has,
    this one with them. Raises ivr.speech.NoVoice."""
    texts = tuple(dict.fromkeys(_words(one, language) for one in (*among, told)))
    return _rendered(language, tuple(sorted(texts)))[_words(told, language)]


def _words(treatment: Labels, language: str) -> str:
    said = Message("reveal.treatment", {"treatment": treatment})
    return catalogue().render(said, language, spoken=True)


@functools.lru_cache(maxsize=_STUDIES_KEPT)
def _rendered(language: str, texts: tuple[str, ...]) -> dict[str, bytes]:
    rate, spoken = speak(language, texts)
    once = [_for_telephone(np.frombuffer(sound, dtype=np.int16), rate) for sound in spoken]
    longest = max(map(len, once))
    return {text: _file(sound, longest) for text, sound in zip(texts, once, strict=True)}


def _for_telephone(samples: NDArray[np.int16], rate: int) -> NDArray[np.int16]:
    """The same sound at 8 kHz, without what would fold back into it."""
    offsets = np.arange(_TAPS) - _TAPS // 2
    filter_ = np.sinc(2 * _CUTOFF / rate * offsets) * np.hamming(_TAPS)
    smooth = np.convolve(samples.astype(np.float64), filter_ / filter_.sum(), mode="same")
    moments = np.arange(int(len(samples) * RATE / rate)) * (rate / RATE)
    resampled = np.interp(moments, np.arange(len(smooth)), smooth)
    sound: NDArray[np.int16] = np.clip(np.rint(resampled), -32768, 32767).astype(np.int16)
    return sound


def _file(sound: NDArray[np.int16], longest: int) -> bytes:
    """The file: silence, the sound, silence, the sound again, silence up to the common length."""
    before, between = _silence(_BEFORE), _silence(_BETWEEN)
    rest = np.zeros(2 * (longest - len(sound)), dtype=np.int16)
    whole = np.concatenate((before, sound, between, sound, rest, before))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(whole.astype("<i2").tobytes())
    return out.getvalue()


def _silence(seconds: float) -> NDArray[np.int16]:
    return np.zeros(int(seconds * RATE), dtype=np.int16)
