"""Lists of arms: made, read, committed to, opened by two people, and the seed kept by two."""
