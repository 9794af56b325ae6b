"""Holds the offline demo: portraits drawn by an artist, and a local board that serves them as Safebooru would."""
