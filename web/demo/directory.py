"""The demo's people and numbers as the browser telephone lists them."""

from __future__ import annotations

from web.demo.cast import NEWCOMER, mobile_of
from web.demo.history import Demo, DemoStudy
from web.simulator.directory import Directory, Person, Study

HOME_OF_NEWCOMER = "demo"


def directory_of(demo: Demo) -> Directory:
    """Everybody who can sign in and has a mobile, and the newcomer, who has a code to come."""
    return Directory(tuple(_study(study) for study in demo.studies))


def _study(study: DemoStudy) -> Study:
    people = [
        Person(user.user_id, user.name, user.role, user.sites, user.pin, mobile_of(user.user_id))
        for user in study.users
        if user.role != "administrator"  # who has no telephone
    ]
    if study.code == HOME_OF_NEWCOMER:
        new = NEWCOMER
        mobile = mobile_of(new.user_id)
        people.append(Person(new.user_id, new.name, new.role, new.sites, "", mobile))
    return Study(
        study.code,
        study.number,
        study.title,
        study.telephone,
        study.emergency_telephone,
        tuple(people),
    )
