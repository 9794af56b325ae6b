"""Handles pictures: decoding, duplicates, sizes, colour, the tone of lineart, contact sheets.

This package imports neither Prefect nor torch, and no other package of the project.
"""
