"""Implements the product without Prefect: settings, datasets, models, the inbox, pages, and the command line."""
