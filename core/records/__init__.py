"""The record itself: put right by compensating entries, looked over and signed, closed."""
