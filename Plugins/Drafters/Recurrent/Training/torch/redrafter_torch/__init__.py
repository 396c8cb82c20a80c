"""Trains Redrafter's recurrent drafter with PyTorch, on one processor or many GPUs; see README.md."""
