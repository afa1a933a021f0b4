"""The conversation as pure values: what is heard moves a state, a state has one reply.

`engine.start` and `engine.step` take what was heard and give the next state with either the reply
or a request that the runner fulfils and feeds back. No database, no web, no telephone provider.
"""
