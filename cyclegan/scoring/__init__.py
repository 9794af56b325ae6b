"""Scores checkpoints and selects the one that serves."""
