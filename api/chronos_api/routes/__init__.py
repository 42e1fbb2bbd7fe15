"""The routes under /api/v1: each reads its input, asks the store, and answers."""
