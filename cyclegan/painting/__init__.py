"""Serves a checkpoint: turns lineart into layers of colour."""
