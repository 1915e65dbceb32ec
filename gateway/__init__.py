"""The processes: HTTP, tokens, settings, the command line, the embedded PostgreSQL."""
