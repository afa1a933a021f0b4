"""Resupply: when a site is sent kits, how many of each type, and why."""
