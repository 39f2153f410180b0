"""One alert for every task that fails for good: always logged, and sent where a connection says.

Connections: `hotspots_slack` with the webhook's address as its password; `hotspots_smtp`, of type
SMTP, with `from_email` and `to` in its extra.
"""

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.workflow.alerts import Alert

ALERT_TIMEOUT_S = 10
log = logging.getLogger(__name__)


def alert(context: dict[str, Any]) -> None:
    """Say that a task failed, once for the same failure of the same run."""
    from pipeline.clock import utc_now
    from pipeline.settings import get_settings
    from pipeline.workflow.alerts import Failure, is_first, make_alert

    error, run = context.get("exception"), context["dag_run"]
    failure = Failure(
        dag=run.dag_id,
        task=context["ti"].task_id,
        run=run.run_id,
        city=context.get("params", {}).get("city", "los_angeles"),
        error=error if isinstance(error, BaseException) else RuntimeError(error or "killed"),
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


def _to_slack(made: "Alert") -> None:
    import requests

    connection = _connection("hotspots_slack")
    if connection is not None:
        words = {"text": f"*{made.title}*\n{made.body}"}
        answer = requests.post(connection.password, json=words, timeout=ALERT_TIMEOUT_S)
        answer.raise_for_status()


def _by_mail(made: "Alert") -> None:
    connection = _connection("hotspots_smtp")
    if connection is not None:
        from airflow.providers.smtp.hooks.smtp import SmtpHook

        with SmtpHook("hotspots_smtp") as hook:
            hook.send_email_smtp(
                to=connection.extra_dejson["to"],
                subject=made.title,
                html_content=f"<pre>{made.body}</pre>",
            )


def _connection(name: str) -> Any:  # noqa: ANN401 - None where there is none
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return Connection.get(name)
    except AirflowNotFoundException:
        return None
