"""Puts a checkpoint to work: lineart in, layers of colour out."""
