"""Attacks on the line and the site: each is refused, on record, and told where the rule says so."""
