"""The engine, its training and its evaluation: knows tokens and tensors, has never heard of an editor."""
