"""The tests: each one a sentence."""
