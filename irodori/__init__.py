"""The product without Prefect: settings, and what rests where: datasets, models, the inbox, pages."""
