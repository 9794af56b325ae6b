"""Defines the tasks, one file per stage: each reads from the storage, calls a pure function, and records rows.

A task handles a batch of images, never a single image and never all of them.
"""
