"""The demo: fictitious studies, and the history that real transactions give them."""
