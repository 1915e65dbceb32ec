"""The tests of the GraphQL surface, on a real database."""
