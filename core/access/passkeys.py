"""Passkeys (WebAuthn, Level 2): the browser signs a challenge with a key that never leaves it.

A passkey is bound to the host of IXRS_PUBLIC_URL, so a copy of our pages elsewhere gets nothing.
The library is imported late: it takes longer than the rest of the sign-in.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from sqlalchemy import func, insert, select, update

from core.access import factors
from core.access.factors import PASSKEY
from core.db.factors import passkey
from core.errors import InvalidInput, NotFound
from core.messages import Message

if TYPE_CHECKING:
    from core.access.roles import Actor
    from core.runtime import Core
    from core.settings import Settings

NAME_CHARACTERS_MAX: Final = 80
PASSKEYS_MAX: Final = 10
ANSWER_CHARACTERS_MAX: Final = 20_000


def is_possible(settings: Settings) -> bool:
    """Whether browsers make passkeys for this installation: it has a name, and comes by HTTPS or
    from the machine itself."""
    parts = urlsplit(settings.public_url)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(host) and (parts.scheme == "https" or host == "localhost")
    return False


def options_to_add(core: Core, actor: Actor, challenge: str) -> str:
    """What the browser is asked to make a passkey of, JSON. `challenge` is hexadecimal."""
    import webauthn
    from webauthn.helpers import structs

    with core.reading() as db:
        query = select(passkey.c.credential).where(passkey.c.user_id == actor.user_id)
        known = list(db.scalars(query))
    selection = structs.AuthenticatorSelectionCriteria(
        resident_key=structs.ResidentKeyRequirement.DISCOURAGED,
        user_verification=structs.UserVerificationRequirement.PREFERRED,
    )
    made = webauthn.generate_registration_options(
        rp_id=_host(core),
        rp_name="IxRS",
        user_id=bytes.fromhex(core.keys.mac("passkey user", actor.user_id)),
        user_name=actor.user_id,
        user_display_name=actor.name,
        challenge=bytes.fromhex(challenge),
        authenticator_selection=selection,
        exclude_credentials=_descriptors(known),
    )
    return webauthn.options_to_json(made)


def add(core: Core, actor: Actor, name: str, challenge: str, answer: str) -> None:
    """Keep the passkey that the browser made of these options. Raises InvalidInput for `name` or
    `passkey`."""
    name = name.strip()
    if not (0 < len(name) <= NAME_CHARACTERS_MAX and name.isprintable()):
        raise InvalidInput("name", Message("error.text", {"most": NAME_CHARACTERS_MAX}))
    made = _made(core, challenge, answer)
    values = {
        "credential": _text(made.credential_id),
        "user_id": actor.user_id,
        "name": name,
        "public_key": made.credential_public_key,
        "counter": made.sign_count,
        "added_at": core.now(),
    }
    with core.writing() as db:
        mine = select(func.count()).where(passkey.c.user_id == actor.user_id)
        known = select(passkey.c.user_id).where(passkey.c.credential == values["credential"])
        if (db.scalar(mine) or 0) >= PASSKEYS_MAX or db.execute(known).first() is not None:
            raise InvalidInput("passkey", Message("error.passkey"))
        db.execute(insert(passkey), values)
        factors.tell(db, core, "factor_added", actor.user_id, PASSKEY)


def options_to_prove(core: Core, user_id: str, challenge: str) -> str:
    """What the browser is asked to sign with one of the person's passkeys, JSON. Raises NotFound
    where there is none."""
    import webauthn

    with core.reading() as db:
        query = select(passkey.c.credential).where(passkey.c.user_id == user_id)
        known = list(db.scalars(query.order_by(passkey.c.added_at)))
    if not known:
        raise NotFound
    made = webauthn.generate_authentication_options(
        rp_id=_host(core),
        challenge=bytes.fromhex(challenge),
        allow_credentials=_descriptors(known),
    )
    return webauthn.options_to_json(made)


def prove(core: Core, user_id: str, challenge: str, answer: str) -> None:
    """The browser has signed the challenge with a passkey of this person. Raises NotAuthenticated,
    LockedOut."""
    factors.claim(core, user_id)
    with core.writing() as db:
        mine = select(passkey).where(passkey.c.user_id == user_id).with_for_update()
        kept = {row.credential: row for row in db.execute(mine)}
        signed = _signed(core, challenge, answer, kept)
        if signed is not None:
            used = {"counter": signed.new_sign_count, "used_at": core.now()}
            one = passkey.c.credential == _text(signed.credential_id)
            db.execute(update(passkey).where(one).values(**used))
            factors.forgive(db, core, user_id)
            return
    factors.fail(core, user_id, PASSKEY)


def _made(core: Core, challenge: str, answer: str) -> Any:
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        return webauthn.verify_registration_response(
            credential=answer[:ANSWER_CHARACTERS_MAX],
            expected_challenge=bytes.fromhex(challenge),
            expected_rp_id=_host(core),
            expected_origin=core.settings.public_url,
        )
    except (WebAuthnException, ValueError):
        raise InvalidInput("passkey", Message("error.passkey")) from None


def _signed(core: Core, challenge: str, answer: str, kept: dict[str, Any]) -> Any:
    """What the library says of a right answer, a counter that goes back is a wrong one; or None."""
    import webauthn
    from webauthn.helpers import parse_authentication_credential_json
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        parsed = parse_authentication_credential_json(answer[:ANSWER_CHARACTERS_MAX])
        row = kept.get(_text(parsed.raw_id))
        if row is None:
            return None
        return webauthn.verify_authentication_response(
            credential=parsed,
            expected_challenge=bytes.fromhex(challenge),
            expected_rp_id=_host(core),
            expected_origin=core.settings.public_url,
            credential_public_key=row.public_key,
            credential_current_sign_count=row.counter,
        )
    except (WebAuthnException, ValueError):
        return None


def _descriptors(credentials: list[str]) -> list[Any]:
    from webauthn.helpers import base64url_to_bytes, structs

    return [
        structs.PublicKeyCredentialDescriptor(id=base64url_to_bytes(one)) for one in credentials
    ]


def _text(credential: bytes) -> str:
    from webauthn.helpers import bytes_to_base64url

    return bytes_to_base64url(credential)


def _host(core: Core) -> str:
    return urlsplit(core.settings.public_url).hostname or ""
