"""One file per command; this package composes and decides nothing."""
