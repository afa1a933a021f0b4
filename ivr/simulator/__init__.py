"""The provider simulator: a telephone, and the REST side of the provider.

Apart from production code: only the command, the demo and tests import it. It speaks to a running
server over HTTP with real signatures, as the provider does.
"""
