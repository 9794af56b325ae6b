"""Teaches a painter: one file a method, each of which makes one optimization step."""
