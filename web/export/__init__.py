"""Copies of the record as files: JSON, CSV, CDISC ODM, paper."""
