"""Copies of the record for people and machines, the audit trail included (21 CFR 11.10(b), (c))."""
