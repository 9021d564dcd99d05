"""How good a model is at the caret: the rest of lines, keystrokes saved, bits a byte, and HumanEval."""
