"""From source code to a GPT-Neo folder: `python -m neocaret_model.training`."""
