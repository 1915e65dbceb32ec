"""The Stripe sandbox, spoken to by the real client, through the contract gate."""
