"""Pictures: decoding, duplicates, sizes, colour, the tone of lineart, contact sheets.

Knows nothing of Prefect, storage or torch.
"""
