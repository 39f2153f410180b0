"""Where a site of static files keeps the answer to a path of the page's API."""


def site_name(path: str, city: str | None = None) -> str:
    """Return the file that answers a path, below the site's folder; `siteName` of site.js agrees.

    Args:
        path: below the API's v1/, such as `weeks/2026-11-15/forecast`; one that ends in a file's
            name keeps that name, all others are JSON.
        city: short name; without one, the first city of the site answers.
    """
    last = path.rpartition("/")[2]
    parts = ("v1", *([city] if city else []), path)
    return "/".join(parts) + ("" if "." in last else ".json")
