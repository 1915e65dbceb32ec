"""The mutations: each module holds the inputs, the payloads and the resolvers of one subject."""
