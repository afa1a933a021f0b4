"""The study file: what a protocol says, read from TOML, checked, compared and published."""
