"""Trains a painter: one module per method, which performs one optimization step at a time."""
