"""A Stripe stand-in: Stripe's HTTP API, hosted pages, clock and webhooks, for loopback only.

It is a program of its own. It imports nothing of the gateway and not the `stripe` package, so
that what passes here passes because both sides follow Stripe's documentation, not each other.
"""
