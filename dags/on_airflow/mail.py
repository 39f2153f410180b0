"""Each new week's report by e-mail, to the addresses in HOTSPOTS_REPORT_TO; off without any.

It goes through the connection `hotspots_smtp`, of type SMTP, with `from_email` in its extra.
"""

import logging
from email.message import EmailMessage
from smtplib import SMTP
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pipeline.settings import Settings
    from pipeline.workflow.operations.report_mail import Mail

CONNECTION = "hotspots_smtp"
log = logging.getLogger(__name__)


def mail_report(context: dict[str, Any]) -> None:
    """Mail the report that a run has just written, unless its forecast was mailed before.

    Whatever goes wrong is logged: the week is published, and stands without its mail.
    """
    from pipeline.settings import get_settings
    from pipeline.workflow.operations.report_mail import one_mailer

    try:
        settings = get_settings()
        if settings.subscribers:
            with one_mailer(settings):
                _mail_if_due(settings, context["ti"].xcom_pull(task_ids="resolve_week"))
    except Exception:
        log.exception(
            "The report could not be mailed. The forecast stands; clear `report` to try again."
        )


def _mail_if_due(settings: "Settings", plan: dict[str, Any]) -> None:
    from pipeline.workflow.operations.report_mail import mail_due, note_sent

    due = mail_due(settings, plan)
    if due is None:
        return
    refused = _send(due, settings.subscribers)
    note_sent(settings, due)
    log.info("The report was mailed to %d addresses", len(settings.subscribers))
    if refused:
        log.error("The mail server refused %s", ", ".join(sorted(refused)))


def _send(due: "Mail", to: list[str]) -> list[str]:
    """Send a mail that shows no subscriber another's address; return those that were refused."""
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    with SmtpHook(CONNECTION) as hook:
        message = EmailMessage()
        message["Subject"], message["From"] = due.subject, hook.from_email
        message["To"] = "undisclosed-recipients:;"
        message.set_content(due.text)
        message.add_attachment(due.report, subtype="html", filename=due.file_name)
        # The hook's own method knows only bodies of HTML.
        client = cast("SMTP", hook._smtp_client)  # noqa: SLF001
        return list(client.send_message(message, to_addrs=to))
