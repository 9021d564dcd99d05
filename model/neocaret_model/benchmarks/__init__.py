"""How fast the engine is: `neocaret bench`."""
