"""Implements the command `irodori`; each file holds one group of commands."""
