"""The GraphQL surface: types, fields, cursors, loaders, execution."""
