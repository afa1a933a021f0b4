"""Resupply: the last night, what waits for approval, and what the rule would send each site now."""

from __future__ import annotations

from typing import Final

from flask import Blueprint

from core.access.openings import offered
from core.access.roles import Permission
from core.listing import Listing
from core.sight import PAGE_MAX
from core.study.versions import latest_config
from core.supply.night import last_night
from core.supply.resupply.propose import proposals
from core.supply.unblinded import check_types
from core.supply.warnings import warnings_for
from core.transaction import Channel
from web.db import connection, the_core
from web.reading.common import chosen, look, reader
from web.reading.shipments import KINDS
from web.reading.typed import show_types
from web.session import current, signed_in
from web.words import t

ALL_SITES_MAX: Final = 40
"""With more sites than this one is chosen first: what each would be sent takes a while to say."""
STRATEGIES: Final = {
    "off": "web.resupply.off",
    "min_max": "web.resupply.min_max",
    "predictive": "web.resupply.predictive",
}


def add_to(pages: Blueprint) -> None:
    """Put the page at its address."""
    pages.add_url_rule("/resupply", "resupply", signed_in(now))


def now() -> str:
    """The state of resupply, and what would go now; of one site if `site` is given."""
    me, core, db = current(), the_core(), connection()
    study, site = me.study.code, chosen("site")
    check_types(me.actor, study, None, Permission.SEE_STOCK)
    if site is not None:
        reader().site(site)
    config = latest_config(db, core, study)
    lists = look(Listing)
    is_small = len(lists.list_sites(limit=ALL_SITES_MAX + 1).rows) <= ALL_SITES_MAX
    found = proposals(core, db, study, site) if site or is_small else ()
    names = {one.name for one in offered(core, db, me.actor, study, None, Channel.WEB)}
    return show_types(
        "resupply",
        t("web.menu.resupply"),
        reading="resupply",
        site=site,
        rule=config.resupply,
        strategies=STRATEGIES,
        night=last_night(db, study),
        drafts=lists.list_shipments(status="draft", limit=PAGE_MAX).rows,
        kinds=KINDS,
        found=found,
        is_asked=bool(site or is_small),
        warnings=warnings_for(core, db, me.actor, study, site, shortages=bool(site or is_small)),
        can_approve="approve_shipment" in names,
        can_run="resupply" in names,
        chosen=chosen,
    )
