"""Nothing that a blinded person can get depends on arm or kit type: two worlds are compared."""
