"""What the billing rules promise."""
