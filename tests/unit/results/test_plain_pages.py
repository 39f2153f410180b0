from pipeline.results.page.week_health import week_health
from pipeline.results.products.plain_pages import card_page, checks_page
from pipeline.results.store.reader import ResultsReader
from tests.unit.results.samples import TARGET, publish

CARD = """# Model card: Smallville, version 3

> **SIMULATED DATA: made up**

| Score | Value |
|---|---|
| skill | 0.1 |

<script src="https://elsewhere.example/x.js"></script> ![x](https://elsewhere.example/x.png)
"""


def test_a_card_is_a_page_whose_markup_is_text(city):
    page = card_page(city, "3", CARD)
    assert "<h1>Model card: Smallville, version 3</h1>" in page
    assert "<td>skill</td>" in page
    assert "<strong>SIMULATED DATA: made up</strong>" in page
    assert "&lt;script src=" in page
    assert "<script" not in page
    assert "<img" not in page
    assert 'href="../../../?city=smallville&amp;view=trust"' in page


def test_all_checks_stand_on_a_page_those_that_failed_first(store, cells, city, tmp_path):
    publish(store, cells, provenance="simulated")
    history = ResultsReader(f"sqlite:///{tmp_path / 'deep' / 'results.db'}")
    page = checks_page(city, week_health(history, "smallville", TARGET))
    assert page.index("Warning: 1") < page.index("Weather: fresh") < page.index("Passed: 1")
    assert "<dt>Found</dt><dd>9 days</dd>" in page
    assert "SIMULATED DATA" in page
    assert "Do not use: the data are simulated" in page
    assert f"city=smallville&amp;week={TARGET}&amp;view=trust" in page
