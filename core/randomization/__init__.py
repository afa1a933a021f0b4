"""Who gets which arm: pure, exact methods and the streams they draw from."""
