"""GraphQL over HTTP and WebSocket, the pipeline of documents, and GraphiQL."""
