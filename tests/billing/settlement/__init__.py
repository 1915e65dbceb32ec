"""What the payment provider says, and what follows from it."""
