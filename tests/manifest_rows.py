"""Makes rows of a dataset's manifest."""

from storage import Row

KEY = "datasets/pink/manifest.csv"


def scraped(number: int, domain: str = "A") -> Row:
    return Row(f"board:{number}", domain, "scrape", "ok", key=f"scrape/{domain}/{number}.png")
