"""What is still true when no code runs: tables, constraints, indexes, migrations."""
