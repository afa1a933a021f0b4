"""A telephone in the browser, for demo and training: it drives the real webhooks.

Only the demo's server process mounts it (web/demo/server.py); the served application doesn't know
it, and it answers nobody but this machine.
"""
