"""Finds pictures on image boards: lists posts, filters them by their metadata, and downloads within limits."""
