"""From a prompt to sampled continuations."""
