"""The engine's requests, fulfilled by the core: each gives what the engine is to hear next.

Deeds (`Perform`, and refusals found while asking) are in `ivr.turns`, because they write the turn
in their own database transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from core import calls
from core.access.activation import activate
from core.access.openings import StudyRef, offered, open_studies
from core.access.renewal import new_pin_problem, renew
from core.access.roles import Actor, Permission, load_actor
from core.access.secrets import is_kept, keep_pin, pin_problem
from core.access.signin import SecretAged, sign_in, sign_in_emergency
from core.db.models import study, telephone
from core.errors import InvalidInput, LockedOut, MustWait, NotAuthenticated
from core.messages import Digits, Labels, Message, Param
from core.sealed import Sealed
from core.study.versions import latest_config
from core.transaction import Channel
from core.unblinding.openings import find_subject as subject_of
from ivr.dialogue import effects as fx
from ivr.dialogue.moves import CODE_BREAK
from ivr.dialogue.state import State
from prompts import catalogue

if TYPE_CHECKING:
    from core.runtime import Core

STUDIES_SPOKEN_MAX = 5
SUBJECT_DIGITS_MAX = 16
_ACTIVATION = "activation"


@dataclass(frozen=True, slots=True)
class Line:
    """The call as the telephone network shows it: who called which number on which line."""

    sid: str
    caller: str
    called: str
    name: str  # main, unblinding


@dataclass(frozen=True, slots=True)
class Dialled:
    """What belongs to the number dialled: one study, or the languages of all."""

    study: str | None
    title: Labels | None
    training: bool
    languages: tuple[str, ...]


def who_is_dialled(db: Connection, core: Core, line: Line, spoken: frozenset[str]) -> Dialled:
    """The study of the number dialled, if it is exactly one; languages that there are texts in."""
    codes = studies_of(db, line)
    alone = codes[0] if len(codes) == 1 else None
    if alone is None:
        codes = list(db.scalars(select(study.c.code).order_by(study.c.number)))
    configs = [latest_config(db, core, code) for code in codes]
    wanted = dict.fromkeys(language for config in configs for language in config.languages)
    languages = tuple(language for language in wanted if language in spoken) or ("en",)
    if alone is None:
        return Dialled(None, None, False, languages)
    return Dialled(alone, configs[0].study.labels, configs[0].study.training, languages)


def studies_of(db: Connection, line: Line) -> list[str]:
    """Codes of the studies that the dialled number belongs to, by study number."""
    query = (
        select(study.c.code)
        .join(telephone, telephone.c.study == study.c.code)
        .where(telephone.c.number == line.called)
        .distinct()
        .order_by(study.c.code)
    )
    return list(db.scalars(query))


def find_operators(core: Core, line: Line, request: fx.FindOperators) -> fx.Answer:
    """Whom to call in turn, if it is clear in which study."""
    with core.reading() as db:
        codes = studies_of(db, line)
        if request.study_number:
            query = select(study.c.code).where(study.c.number == request.study_number)
            codes = list(db.scalars(query))
        elif request.anyone and not codes:
            codes = list(db.scalars(select(study.c.code).order_by(study.c.number)))
        if not codes or (len(codes) > 1 and not request.anyone):
            return fx.StudyUnknown() if not request.anyone else fx.Operators(())
        configs = [latest_config(db, core, code) for code in codes]
    numbers = dict.fromkeys(o.telephone for config in configs for o in config.operators)
    alone = len(configs) == 1
    cards = configs[0].sealed_cards if alone else {}
    card = Labels.of(cards) if cards else None
    return fx.Operators(tuple(numbers), card, codes[0] if alone else "")


def identify(core: Core, line: Line, request: fx.SignIn) -> fx.Answer:
    """Sign in; wrong in any way sounds the same."""
    signing_in = sign_in_emergency if request.emergency else sign_in
    try:
        actor = signing_in(core, request.user_id, request.pin, source=line.caller)
    except NotAuthenticated as wrong:
        return fx.NotSignedIn(wrong.message)
    except (LockedOut, MustWait) as held:
        return fx.Blocked(held.message)
    except SecretAged as aged:
        if request.emergency:  # no time to choose a new one
            return fx.ToOperator(Message("emergency.not_now"))
        return fx.PinAged(aged.actor.user_id, aged.actor.name)
    if not request.emergency:
        return _welcome(core, line, actor)
    welcome = _welcome(core, line, actor, only=CODE_BREAK)
    language = actor.language if actor.language in catalogue().languages else ""
    return replace(welcome, language=language, at=core.now().isoformat())


def keep_code(core: Core, line: Line, request: fx.KeepCode) -> fx.Answer:
    """Seal an activation code for the turns until it is used."""
    return fx.Kept(core.keys.seal(f"call|{line.sid}", request.code).token.hex())


def check_pin(core: Core, state: State, request: fx.KeepPin) -> fx.Answer:
    """Judge a new PIN, and keep what its repetition is compared with."""
    if state.renewing:
        problem = new_pin_problem(core, state.user_id, request.pin)
    else:
        problem = pin_problem(request.pin, state.user_id or None)
    if problem is not None:
        return fx.PinUnfit(problem)
    return fx.Kept(keep_pin(core.keys, state.user_id or _ACTIVATION, request.pin))


def compare_pin(core: Core, state: State, request: fx.ComparePin) -> fx.Answer:
    """Whether the new PIN was keyed the same twice."""
    if is_kept(core.keys, state.user_id, state.kept_pin, request.pin):
        return fx.Kept(state.kept_pin)
    return fx.PinUnfit(Message("wrong.pins_differ"))


def activate_person(core: Core, line: Line, state: State, request: fx.Activate) -> fx.Answer:
    """Use the code that was keyed, if the PIN was keyed the same twice."""
    if not is_kept(core.keys, _ACTIVATION, state.kept_pin, request.pin):
        return fx.PinUnfit(Message("wrong.pins_differ"))
    code = core.keys.open(Sealed(bytes.fromhex(state.kept_code), f"call|{line.sid}"))
    try:
        actor = activate(core, code, request.pin, source=line.caller)
    except NotAuthenticated as wrong:
        return fx.NotSignedIn(wrong.message)
    except (LockedOut, MustWait) as held:
        return fx.Blocked(held.message)
    except InvalidInput as unfit:
        return fx.PinUnfit(unfit.message)
    return _welcome(core, line, actor)


def renew_pin(core: Core, line: Line, state: State, request: fx.Renew) -> fx.Answer:
    """The new PIN in the place of one that was too old, if it was keyed the same twice."""
    if not is_kept(core.keys, state.user_id, state.kept_pin, request.pin):
        return fx.PinUnfit(Message("wrong.pins_differ"))
    try:
        actor = renew(core, state.user_id, request.pin)
    except NotAuthenticated as wrong:
        return fx.NotSignedIn(wrong.message)
    except InvalidInput as unfit:
        return fx.PinUnfit(unfit.message)
    return _welcome(core, line, actor)


def _welcome(core: Core, line: Line, actor: Actor, only: str | None = None) -> fx.SignedIn:
    """Who it is, with what was never heard the end of; in an emergency `only` what is to do with
    one, the rest waits for another call."""
    with core.reading() as db:
        untold = calls.untold_to(db, core, actor, line.sid)
    untold = tuple(one for one in untold if only in (None, one.transaction))
    notes = tuple(for_the_ear(note) for one in untold for note in one.notes)
    return fx.SignedIn(actor.user_id, actor.name, notes, tuple(one.receipt_id for one in untold))


def place(core: Core, state: State, request: fx.Place) -> fx.Answer:
    """The person's study and site, or which of them has to be keyed."""
    with core.reading() as db:
        actor = load_actor(db, state.user_id, core.now())
        studies = open_studies(db, core, actor)
        if state.emergency:
            studies = tuple(one for one in studies if _breaks_codes(actor, one.code))
        if not studies and state.emergency:
            return fx.ToOperator(Message("emergency.no_study"), why="refused")
        if not studies:
            return fx.Nowhere()
        if request.study_number:
            studies = tuple(one for one in studies if one.number == request.study_number)
            if not studies:
                return fx.StudyUnknown()
        if len(studies) > 1:
            few = len(studies) <= STUDIES_SPOKEN_MAX
            return fx.StudyNeeded(tuple((s.number, s.title) for s in studies) if few else ())
        if state.emergency:
            only = studies[0]
            return fx.Placed(only.code, only.number, only.title, only.training, "", (), True)
        return _site(core, db, actor, studies[0], request.site_number)


def _breaks_codes(actor: Actor, study: str) -> bool:
    return actor.sites_where(Permission.CODE_BREAK, study) != frozenset()


def find_subject(core: Core, state: State, request: fx.FindSubject) -> fx.Answer:
    """A subject whose code the person may break. One of another site and none at all sound the
    same."""
    with core.reading() as db:
        actor = load_actor(db, state.user_id, core.now())
        found = subject_of(db, state.study, request.number)
    if found is not None and actor.may(Permission.CODE_BREAK, state.study, found.site):
        return fx.SubjectFound(found.number, found.site)
    keyed = request.number[:SUBJECT_DIGITS_MAX]
    unknown = Message("emergency.subject_unknown", {"subject": Digits(keyed)})
    return fx.ToOperator(unknown, choice=True, why="subject_unknown", subject=keyed)


def _site(core: Core, db: Connection, actor: Actor, ref: StudyRef, number: str) -> fx.Answer:
    numbers = [one.number for one in ref.sites]
    if number and number not in numbers:
        return fx.SiteUnknown()
    if len(numbers) > 1 and not number:
        return fx.SiteNeeded(ref.code, ref.number)
    chosen = number or (numbers[0] if numbers else "")
    menu = tuple(
        (transaction.menu_key, transaction.name)
        for transaction in offered(core, db, actor, ref.code, chosen or None, Channel.PHONE)
        if transaction.menu_key and (chosen or not transaction.site)
    )
    operators = latest_config(db, core, ref.code).operators
    return fx.Placed(ref.code, ref.number, ref.title, ref.training, chosen, menu, bool(operators))


def for_the_ear(message: Message) -> Message:
    """A message of the core with what only the ear needs: each kit number after the words "kit
    number", and a deed by its name where the menu's words would not fit."""
    if message.id.startswith("menu.") and not message.params:
        return Message("deed." + message.id.removeprefix("menu."))
    return Message(message.id, {name: _param(name, p) for name, p in message.params.items()})


def _param(name: str, param: Param) -> Param:
    if isinstance(param, Message):
        return for_the_ear(param)
    if isinstance(param, tuple) and name in ("kits", "value"):
        return tuple(
            Message("value.kit", {"kit": one}) if isinstance(one, Digits) else one for one in param
        )
    return param
