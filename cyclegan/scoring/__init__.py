"""Tells how good a checkpoint is, and chooses which one serves."""
