"""Opening the blind: by whom, why, to whom; and the one place where a treatment is read."""
