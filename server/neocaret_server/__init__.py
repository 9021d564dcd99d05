"""The language server: knows LSP, and knows a model only through `backend.Backend`."""
