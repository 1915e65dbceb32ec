"""The GraphQL types, a module a subject."""
