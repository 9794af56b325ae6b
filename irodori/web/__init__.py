"""Serves the web page: a service without torch, which answers at once, and a painter, which keeps the models warm."""
