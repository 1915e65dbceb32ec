"""Chaos: webhooks lost, doubled and shuffled, processes killed, and credits that still add up."""
