"""Links from the tasks that finish a week to what people read of it."""

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey


class WeekLink(BaseOperatorLink):
    """A link that follows from the plan of the week, the second argument of its task's call.

    The worker makes it as a task ends, however it does, and Airflow keeps it as an XCom; an empty
    one isn't shown. Without a leading slash an address holds under a proxy's path too.
    """

    def get_link(self, operator: Any, *, ti_key: "TaskInstanceKey") -> str:  # noqa: ANN401, ARG002
        """Return the address, or nothing where there is nothing to see."""
        plan = operator.op_args[1]
        return self.address(plan) if isinstance(plan, dict) else ""

    def address(self, plan: dict[str, Any]) -> str:
        """Return the address of a plan's week."""
        raise NotImplementedError


class PageLink(WeekLink):
    """To the Hotspots page at the week."""

    name = "Hotspots page"

    def address(self, plan: dict[str, Any]) -> str:
        """Return the page's address; a dry run adds nothing to it."""
        place = f"hotspots/?city={plan['city']}&week={plan['target_week']}"
        return place if plan["publish"] else ""


class ReportLink(WeekLink):
    """To the week's report, which prints well."""

    name = "Report"

    def address(self, plan: dict[str, Any]) -> str:
        """Return the report's address; a dry run has none."""
        place = f"hotspots/v1/weeks/{plan['target_week']}/report?city={plan['city']}"
        return place if plan["publish"] else ""


class DataDocsLink(WeekLink):
    """To the week's checks in full, where they are served."""

    name = "Data Docs"

    def address(self, plan: dict[str, Any]) -> str:
        """Return the address of the checks of the week's incidents."""
        from pipeline.workflow.tasks import data_docs_address

        return data_docs_address(plan["city"], plan["issue_date"]) or ""


LINKS = {
    "validate": (DataDocsLink(),),
    "publish": (PageLink(), ReportLink(), DataDocsLink()),
    "report": (PageLink(), ReportLink(), DataDocsLink()),
}
