"""Data Docs that load nothing from elsewhere and run nothing."""

import re
from pathlib import Path

# Great Expectations' pages take styles, scripts and logos from six hosts; without a network they
# have no style at all, and their front page is empty.
FROM_ELSEWHERE = re.compile(
    r"<script\b.*?</script\s*>|<style\b.*?</style\s*>|<link\b[^>]*>|<img\b[^>]*>"
    r"|<(?P<tag>footer|button)\b.*?</(?P=tag)\s*>",
    re.DOTALL | re.IGNORECASE,
)
# What names folding parts by chance; without it the same checks make the same page.
BY_CHANCE = re.compile(r"-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STYLE = """<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif;
  color: light-dark(#23211d, #ece8de); background: light-dark(#f7f5ef, #131211); }
body { max-width: 64rem; margin: 1.2rem auto 3rem; padding: 0 1rem; overflow-wrap: anywhere; }
a { color: light-dark(#0b4f9e, #8ab9f5); }
h1, h2, h3, h4, h5 { font-size: 1.1rem; margin: 1.2rem 0 .3rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; margin: .4rem 0; }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: baseline;
  border-bottom: 1px solid light-dark(#dcd8cc, #3d3a35); }
.breadcrumb { list-style: none; padding: 0; }
/* What would need a script. */
.modal, .nav-tabs, [data-toggle="tab"], [data-toggle="collapse"], .sticky > .card {
  display: none; }
.fa-check-circle::before { content: "✓ passed"; } .fa-times::before { content: "✗ failed"; }
.fa-exclamation-triangle::before { content: "⚠ could not be run"; }
i { font-style: normal; white-space: nowrap; }
</style>"""


def make_offline(docs_dir: Path) -> None:
    """Give every page of a site our style in place of all that it would load or run."""
    for page in docs_dir.rglob("*.html"):
        text = BY_CHANCE.sub("", FROM_ELSEWHERE.sub("", page.read_text(encoding="utf-8")))
        page.write_text(text.replace("</head>", f"{STYLE}</head>", 1), encoding="utf-8")
