"""A voice for what the telephone provider must not hear: eSpeak NG, in a process of its own.

Run as a program it reads texts as a JSON list from standard input and writes for each of them four
bytes of length (big-endian) and that many bytes of sound: 16-bit mono samples of the machine, at
the rate that the first four bytes of all say. Its exit status is 3 where there is no such voice.
In a process of its own because the library keeps a state between texts, knows no threads, and has
another licence (GPL-3.0) than the rest; a text never stands among a program's arguments.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

NO_VOICE: Final = 3
SECONDS_MAX: Final = 8.0  # a webhook has fifteen
WORDS_A_MINUTE: Final = 130
_RETRIEVAL, _UTF8, _RATE = 1, 1, 1  # AUDIO_OUTPUT_RETRIEVAL, espeakCHARS_UTF8, espeakRATE
_VOICES: Final = {"en": "en-us", "es": "es-419"}
_BYTES_MAX: Final = 40_000_000


class NoVoice(Exception):
    """Nothing here speaks that language, or the voice failed."""


def speak(language: str, texts: tuple[str, ...]) -> tuple[int, tuple[bytes, ...]]:
    """The texts spoken: samples a second, and for each text its 16-bit mono samples.

    The same texts in the same order give the same bytes. Raises NoVoice.
    """
    program = [sys.executable, "-I", str(Path(__file__))]
    asked = json.dumps([_VOICES.get(language, language), *texts]).encode()
    try:
        done = subprocess.run(  # noqa: S603 - this very file
            program, input=asked, capture_output=True, timeout=SECONDS_MAX, check=True
        )
    except (OSError, subprocess.SubprocessError) as failure:
        # Without the cause: it would show what was to be said.
        raise NoVoice(f"{language}: {type(failure).__name__}") from None
    return _read(done.stdout, len(texts))


def _read(sound: bytes, count: int) -> tuple[int, tuple[bytes, ...]]:
    rate, place = int.from_bytes(sound[:4], "big"), 4
    spoken: list[bytes] = []
    for _ in range(count):
        length = int.from_bytes(sound[place : place + 4], "big")
        spoken.append(sound[place + 4 : place + 4 + length])
        place += 4 + length
    if not rate or place != len(sound) or not all(spoken):
        raise NoVoice("the voice said nothing")
    return rate, tuple(spoken)


def _library() -> tuple[Any, bytes | None]:
    """The library and where its data are: of the package, else of the system."""
    try:
        import espeakng_loader
    except ImportError:
        found = ctypes.util.find_library("espeak-ng")
        if found is None:
            raise SystemExit(NO_VOICE) from None
        return ctypes.CDLL(found), None
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    return library, espeakng_loader.get_data_path().encode()


def _main() -> None:
    voice, *texts = json.load(sys.stdin)
    library, data = _library()
    rate = library.espeak_Initialize(_RETRIEVAL, 0, data, 0)
    heard: list[bytes] = []

    def take(samples: int | None, count: int, _: int | None) -> int:
        if samples and count:
            heard.append(ctypes.string_at(samples, 2 * count))
        return int(sum(map(len, heard)) > _BYTES_MAX)  # other than 0 ends the text

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    kept = kind(take)  # a name of its own: the library calls it later on
    library.espeak_SetSynthCallback(kept)
    if rate <= 0 or library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise SystemExit(NO_VOICE)
    library.espeak_SetParameter(_RATE, WORDS_A_MINUTE, 0)
    out = sys.stdout.buffer
    out.write(rate.to_bytes(4, "big"))
    for text in texts:
        heard.clear()
        said = text.encode()
        library.espeak_Synth(said, len(said) + 1, 0, 1, 0, _UTF8, None, None)
        library.espeak_Synchronize()
        sound = b"".join(heard)
        out.write(len(sound).to_bytes(4, "big") + sound)


if __name__ == "__main__":
    _main()
