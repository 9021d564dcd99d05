"""`neocaret bench typing`: real typing replayed through a real server, beside the policies of simpler systems."""
