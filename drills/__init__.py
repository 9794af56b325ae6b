"""Kills real runs at random moments and compares what they leave with what undisturbed runs leave."""
