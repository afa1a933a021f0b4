"""The keys that seal: which values each of them sealed, and taking one out of use."""
