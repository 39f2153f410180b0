"""One alert for every task that fails for good: always logged, and sent where a connection says.

Connections: `hotspots_slack` with the webhook's address as its password; `hotspots_smtp`, of type
SMTP, with `from_email` and `to` in its extra.
"""

import logging
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.workflow.operations.alerts import Alert

ALERT_TIMEOUT_S = 10
log = logging.getLogger(__name__)


def alert(context: dict[str, Any]) -> None:
    """Say that a task failed, once for the same failure of the same run."""
    from pipeline.clock import utc_now
    from pipeline.settings import get_settings
    from pipeline.workflow.operations.alerts import Failure, is_first, make_alert

    error, run = context.get("exception"), context["dag_run"]
    params = context.get("params", {})
    failure = Failure(
        dag=run.dag_id,
        task=context["ti"].task_id,
        run=run.run_id,
        city=params.get("city", "los_angeles"),
        error=error if isinstance(error, BaseException) else RuntimeError(error or "killed"),
        asked=_plan(context) or params,
        moment=_moment(run),
    )
    settings = get_settings()
    made = make_alert(settings, failure, now=utc_now())
    if not is_first(settings, made):
        return
    log.error("ALERT %s\n%s", made.title, made.body)
    for send in (_to_slack, _by_mail):
        try:
            send(made)
        except Exception:
            log.exception("The alert could not be sent by %s", send.__name__.lstrip("_"))


def _moment(run: Any) -> datetime:  # noqa: ANN401 - Airflow's own
    """Return the instant that a run without an issue date is for."""
    if run.run_type == "manual":
        return run.logical_date or run.run_after
    return run.data_interval_end or run.run_after


def _plan(context: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the run resolved to; nothing where it hasn't, or Airflow can't say."""
    try:
        plan = context["ti"].xcom_pull(task_ids="resolve_week")
    except Exception:
        log.exception("What the run is for could not be read")
        return None
    return plan if isinstance(plan, dict) else None


def _to_slack(made: "Alert") -> None:
    import requests

    connection = _connection("hotspots_slack")
    if connection is not None:
        # Slack reads these three as markup of its own: <!channel> would call everybody.
        words = {"text": f"*{escape(made.title, quote=False)}*\n{escape(made.body, quote=False)}"}
        try:
            answer = requests.post(connection.password, json=words, timeout=ALERT_TIMEOUT_S)
        except requests.RequestException as error:  # its text holds the address, which is a secret
            raise ConnectionError(f"Slack: {type(error).__name__}") from None
        if not answer.ok:
            raise ConnectionError(f"Slack answered {answer.status_code}")


def _by_mail(made: "Alert") -> None:
    connection = _connection("hotspots_smtp")
    if connection is not None:
        from airflow.providers.smtp.hooks.smtp import SmtpHook

        with SmtpHook("hotspots_smtp") as hook:
            hook.send_email_smtp(
                to=connection.extra_dejson["to"],
                subject=made.title,
                html_content=f"<pre>{escape(made.body)}</pre>",
            )


def _connection(name: str) -> Any:  # noqa: ANN401 - None where there is none
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return Connection.get(name)
    except AirflowNotFoundException:
        return None
