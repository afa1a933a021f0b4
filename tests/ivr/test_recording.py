"""Recordings of treatments: spoken by a voice of our own, and alike in all but what they say."""

from __future__ import annotations

import io
import wave

import pytest

from core.messages import Labels
from core.unblinding.reveals import Told, treatments
from ivr.recording import check, render, words
from ivr.speech import NoVoice, speak
from tests.support.emergencies import config_of
from tests.support.world import World

SHORT = Labels.of({"en": "X", "es": "X"})
LONG = Labels.of(
    {"en": "cordavin 40 milligrams twice a day", "es": "cordavin 40 miligramos dos veces al día"}
)
BOTH = (SHORT, LONG)


def told(treatment: Labels, earlier: Labels | None = None, *, language: str = "en") -> Told:
    return Told(treatment, earlier, BOTH, True, language)


@pytest.mark.req("R6")
@pytest.mark.parametrize("language", ["en", "es"])
def test_all_that_may_be_told_have_one_length_and_one_shape(language: str) -> None:
    every = [told(one, language=language) for one in BOTH]
    every += [told(one, other, language=language) for one, other in (BOTH, BOTH[::-1])]
    sounds = [render(one) for one in every]
    assert len({len(sound) for sound in sounds}) == 1
    assert len(set(sounds)) == len(sounds)
    assert len({sound[:44] for sound in sounds}) == 1  # the head of the file
    with wave.open(io.BytesIO(sounds[0])) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)


def test_it_is_said_twice() -> None:
    with wave.open(io.BytesIO(render(told(LONG, SHORT)))) as file:
        sound = file.readframes(file.getnframes())
    rate, (once,) = speak("en", ("The treatment is: cordavin 40 milligrams twice a day.",))
    seconds = len(once) / 2 / rate
    piece = sound[2 * 4000 : 2 * 6000]  # half a second in: in the middle of the first telling
    first = sound.index(piece)
    second = sound.index(piece, first + 1)
    assert (second - first) / 2 / 8000 > seconds
    assert sound.find(piece, second + 1) == -1


def test_the_same_is_the_same_whatever_was_rendered_before() -> None:
    assert render(told(SHORT)) == render(Told(SHORT, None, BOTH[::-1], True, "en"))


def test_a_language_that_nobody_speaks_is_told_to_be_one() -> None:
    with pytest.raises(NoVoice):
        speak("xx", ("one",))
    check(BOTH, True, "en")


def test_a_treatment_does_not_show_where_it_is_logged() -> None:
    one = told(LONG, SHORT)
    assert "cordavin" not in repr(one)
    assert [message.id for message in words(one)] == ["reveal.treatment", "reveal.earlier"]


def test_the_treatments_of_a_study_are_its_arms(quick_world: World) -> None:
    names = [labels.text("en") for labels in treatments(config_of(quick_world))]
    assert names == ["Active", "Placebo"]
