"""The recording that tells a treatment: 8 kHz mono, and of one length whatever it tells.

All that could be told in a study are rendered together and filled up to the longest, so that
neither the size of a recording nor the time it takes to make says which of them it is. They are
kept in this process' memory, all or none; nothing is written anywhere.
"""

from __future__ import annotations

import functools
import io
import wave
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.messages import Labels, Message
from core.unblinding.reveals import Told
from ivr.speech import speak
from prompts import catalogue

RATE: Final = 8000
MIMETYPE: Final = "audio/wav"
_TREATMENT, _EARLIER = "reveal.treatment", "reveal.earlier"
_BEFORE, _BETWEEN = 0.4, 1.2  # seconds of silence
_CUTOFF: Final = 3400.0  # Hz: what a telephone carries
_TAPS: Final = 129
_STUDIES_KEPT: Final = 16
_Sound = NDArray[np.int16]


def render(told: Told) -> bytes:
    """A WAV file that says it twice. Raises ivr.speech.NoVoice."""
    every = dict.fromkeys((*told.among, told.treatment, *_maybe(told.earlier)))
    sounds, longest = _sounds(told.language, *_texts(every, told.phased, told.language))
    said = sounds[_words(_TREATMENT, told.treatment, told.language)]
    if told.earlier is not None:
        earlier = sounds[_words(_EARLIER, told.earlier, told.language)]
        said = np.concatenate((said, _silence(_BEFORE), earlier))
    return _file(said, longest)


def check(among: Iterable[Labels], phased: bool, language: str) -> None:
    """Render all that might be told, before anything is. Raises ivr.speech.NoVoice."""
    _sounds(language, *_texts(among, phased, language))


def words(told: Told) -> tuple[Message, ...]:
    """The same to be spoken by the provider's voice, where the study file wants that."""
    said = (Message(_TREATMENT, {"treatment": told.treatment}),)
    later = tuple(Message(_EARLIER, {"treatment": one}) for one in _maybe(told.earlier))
    return said + later


def _maybe(label: Labels | None) -> tuple[Labels, ...]:
    return () if label is None else (label,)


def _texts(
    among: Iterable[Labels], phased: bool, language: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What may be said of the treatment, and of an earlier one; each text once, in one order."""
    every = tuple(among)
    first = sorted({_words(_TREATMENT, one, language) for one in every})
    later = sorted({_words(_EARLIER, one, language) for one in every}) if phased else []
    return tuple(first), tuple(later)


def _words(id_: str, treatment: Labels, language: str) -> str:
    said = Message(id_, {"treatment": treatment})
    return catalogue().render(said, language, spoken=True)


@functools.lru_cache(maxsize=_STUDIES_KEPT)
def _sounds(
    language: str, first: tuple[str, ...], later: tuple[str, ...]
) -> tuple[Mapping[str, _Sound], int]:
    """The texts spoken, and how many samples the longest telling takes."""
    rate, spoken = speak(language, first + later)
    sounds = {
        text: _for_telephone(np.frombuffer(sound, dtype=np.int16), rate)
        for text, sound in zip(first + later, spoken, strict=True)
    }
    longest = max(len(sounds[text]) for text in first)
    if later:
        longest += len(_silence(_BEFORE)) + max(len(sounds[text]) for text in later)
    return sounds, longest


def _for_telephone(samples: _Sound, rate: int) -> _Sound:
    """The same sound at 8 kHz, without what would fold back into it."""
    offsets = np.arange(_TAPS) - _TAPS // 2
    filter_ = np.sinc(2 * _CUTOFF / rate * offsets) * np.hamming(_TAPS)
    smooth = np.convolve(samples.astype(np.float64), filter_ / filter_.sum(), mode="same")
    moments = np.arange(int(len(samples) * RATE / rate)) * (rate / RATE)
    resampled = np.interp(moments, np.arange(len(smooth)), smooth)
    sound: _Sound = np.clip(np.rint(resampled), -32768, 32767).astype(np.int16)
    return sound


def _file(said: _Sound, longest: int) -> bytes:
    """The file: silence, what is said, silence, the same again, silence up to the one length."""
    before, between = _silence(_BEFORE), _silence(_BETWEEN)
    rest = np.zeros(2 * (longest - len(said)), dtype=np.int16)
    whole = np.concatenate((before, said, between, said, rest, before))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(whole.astype("<i2").tobytes())
    return out.getvalue()


def _silence(seconds: float) -> _Sound:
    return np.zeros(int(seconds * RATE), dtype=np.int16)
