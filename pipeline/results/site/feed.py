"""An Atom feed (RFC 4287) of the weeks of a site."""

from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from pipeline.domain.city import City
from pipeline.results.page.schemas import WeekLine, Weeks
from pipeline.results.site.site_names import site_name

ATOM = "http://www.w3.org/2005/Atom"
TITLE = "Hotspots: weekly forecasts of reported violent crime"
register_namespace("", ATOM)


def feed(cities: Iterable[tuple[City, Weeks]], *, contact: str, has_reports: bool) -> bytes:
    """Return the feed: an entry for each week of each city, the newest first.

    Args:
        cities: each city with its weeks, at least one.
        contact: of the installation; its entries' ids follow from it, and it isn't shown.
        has_reports: whether each week's report is a file of the site, to be linked.
    """
    lines = [(city, line) for city, weeks in cities for line in weeks.weeks]
    lines.sort(key=lambda pair: (pair[1].target_week, pair[1].created_at), reverse=True)
    root = Element(_tag("feed"))
    _add(root, "id", _id(contact))
    _add(root, "title", TITLE)
    _add(root, "updated", _moment(max(line.created_at for _, line in lines)))
    _add(_add(root, "author"), "name", "Hotspots")
    _add(root, "link", rel="self", type="application/atom+xml", href="feed.xml")
    _add(root, "link", rel="alternate", type="text/html", href="./")
    for city, line in lines:
        _entry(root, city, line, contact, has_reports=has_reports)
    return tostring(root, encoding="utf-8", xml_declaration=True)


def _entry(root: Element, city: City, line: WeekLine, contact: str, *, has_reports: bool) -> None:
    week, total, entry = line.target_week, line.total, _add(root, "entry")
    origin = "" if line.provenance == "live" else f" ({line.provenance} data)"
    _add(entry, "id", _id(contact, city.name, str(week)))
    _add(entry, "title", f"{city.title}, week of {week}: {total.mean:,.0f} reports{origin}")
    _add(entry, "updated", _moment(line.created_at))
    address = "./?" + urlencode({"city": city.name, "week": week})
    _add(entry, "link", rel="alternate", type="text/html", href=address)
    if has_reports:
        report = site_name(f"weeks/{week}/report.html", city.name)
        _add(entry, "link", rel="related", type="text/html", title="Report", href=report)
    offences = ", ".join(city.offences.target).replace("_", " ")
    text = (
        f"{total.mean:,.0f} reports of {offences} expected in the city, 80 % between "
        f"{total.q10:,} and {total.q90:,}."
    )
    _add(entry, "summary", ". ".join(filter(None, (line.banner, text))))


def _add(parent: Element, name: str, text: str | None = None, **attributes: str) -> Element:
    element = SubElement(parent, _tag(name), attributes)
    element.text = text
    return element


def _tag(name: str) -> str:
    return f"{{{ATOM}}}{name}"


def _id(*parts: str) -> str:
    return uuid5(NAMESPACE_URL, "/".join(("hotspots", *parts))).urn


def _moment(stored: datetime) -> str:
    return stored.strftime("%Y-%m-%dT%H:%M:%SZ")
