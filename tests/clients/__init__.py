"""The schema as its clients meet it: their compilers, their types, their caches."""
