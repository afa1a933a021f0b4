"""Demand for kits in figures: enrolment, visits, stock; no floats, no database."""
