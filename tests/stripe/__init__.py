"""Stripe below GraphQL: the receiver, the client, the inbox and the comparison, on the sandbox."""
