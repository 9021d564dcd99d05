"""The language server: knows LSP, and knows a model only through `backend.Backend`."""

__version__ = "0.1.0"
