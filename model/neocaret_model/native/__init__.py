"""GPT-Neo's layers in C, for processors: what the network of torch computes, without its cost per operation."""
