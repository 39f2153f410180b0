"""The site of static files passes the page's own tests, served by Python's web server.

tests/e2e/test_page_gaps.py gives its own weeks to both.
"""

import pytest

from tests.e2e.conftest import NEEDS_THE_PAGE
from tests.e2e.test_page_cells import *  # noqa: F403
from tests.e2e.test_page_charts import *  # noqa: F403
from tests.e2e.test_page_find import *  # noqa: F403
from tests.e2e.test_page_habits import *  # noqa: F403
from tests.e2e.test_page_links import *  # noqa: F403
from tests.e2e.test_page_map import *  # noqa: F403
from tests.e2e.test_page_phone import *  # noqa: F403
from tests.e2e.test_page_tasks import *  # noqa: F403
from tests.e2e.test_page_trust import *  # noqa: F403
from tests.e2e.test_site import published, written

# Theirs set the server up anew; tests/e2e/test_site.py has a site with roads.
del test_roads_are_drawn_named_and_found_with_their_cells  # noqa: F821
del test_a_bad_file_of_roads_is_named_and_the_map_stays  # noqa: F821

pytestmark = NEEDS_THE_PAGE


@pytest.fixture(scope="module")
def address(database, year, tmp_path_factory):
    """The site in the place of the page."""
    folder = written(database, "all", tmp_path_factory.mktemp("site") / "all")
    with published(folder) as address:
        yield address
