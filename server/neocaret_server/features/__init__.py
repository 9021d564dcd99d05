"""One file per LSP method and one per command; the folder listing is the capability list."""
