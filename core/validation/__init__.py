"""Validation of a study's own configuration: acceptance scripts, and their rehearsal."""
