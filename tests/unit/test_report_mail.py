"""A new week's report by e-mail, through Airflow's hook and a mail server on loopback."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from pipeline.domain.errors import InvalidRequest
from pipeline.results.store.writer import ResultsStore
from pipeline.settings import get_settings
from tests.services import ROOT
from tests.smtp_server import MailServer
from tests.unit.results.samples import TARGET, make_weeks, publish, small_cells

CITY = "los_angeles"
PLAN = {"city": CITY, "target_week": str(TARGET), "issue_date": str(TARGET - timedelta(days=4)),
        "publish": True}  # fmt: skip
TO = ["one@example.org", "two@example.org"]


@pytest.fixture
def server():
    with MailServer() as server:
        yield server


@pytest.fixture
def mail_report(airflow_home, monkeypatch, tmp_path, server):
    monkeypatch.syspath_prepend(str(ROOT / "dags"))
    monkeypatch.setenv("HOTSPOTS_HOME", str(tmp_path))
    monkeypatch.setenv("HOTSPOTS_REPORT_TO", ", ".join(TO))
    connect(monkeypatch, server.port)
    get_settings.cache_clear()
    from on_airflow.mail import mail_report

    yield lambda plan=PLAN: mail_report({"ti": SimpleNamespace(xcom_pull=lambda **_: plan)})
    for name in ("on_airflow", "on_airflow.mail"):
        sys.modules.pop(name, None)


def connect(monkeypatch, port):
    extra = {"from_email": "hotspots@example.org", "disable_ssl": True, "disable_tls": True,
             "retry_limit": 0, "timeout": 5}  # fmt: skip
    told = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_HOTSPOTS_SMTP", json.dumps(told))


@pytest.fixture
def stored(tmp_path):
    """Publish a forecast of the coming week; `scale` makes another one."""
    store = ResultsStore(f"sqlite:///{tmp_path / 'results.db'}")
    store.migrate()

    def make(scale=1.0, **changes):
        facts = {"city": CITY, "provenance": "simulated", "weeks": make_weeks(TARGET), **changes}
        return publish(store, small_cells(), scale=scale, **facts)

    return make


def test_the_report_is_mailed_as_a_plain_text_with_the_sheet(mail_report, stored, server):
    stored()
    mail_report()
    ((to, mail),) = server.mails
    assert to == TO
    assert mail["from"] == "hotspots@example.org"
    assert "example.org" not in mail["to"]  # nobody is told of the others
    assert mail["subject"].startswith("Los Angeles, week of Jan 4 – 10, 2026 (simulated data)")
    text = mail.get_body(("plain",)).get_content()
    assert mail.get_body(("html",)) is None
    for said in (
        "SIMULATED DATA: made up",
        "8 reports of homicide, robbery and aggravated assault expected in the city, 80 % between",
        "change from last week: the week before has no forecast.",
        "of the reports are expected in the top 5 % of cells",
        "Do not use: the data are simulated",
        "Reports, not crime",
        "docs/responsible-use.md",
        "To get no more, ask those who run it.",
    ):
        assert said in " ".join(text.split()), said
    (sheet,) = mail.iter_attachments()
    assert sheet.get_filename() == f"{CITY}_{TARGET}_report.html"
    assert sheet.get_content().startswith("<!doctype html>")


def test_a_forecast_is_mailed_once_and_its_revision_again(mail_report, stored, server):
    stored()
    mail_report()
    mail_report()
    assert len(server.mails) == 1
    stored(2.0, forecast_sha256="b" * 64)
    mail_report()
    assert ", revision 2" in server.mails[1][1]["subject"]


def test_runs_of_a_week_that_end_together_mail_it_once(mail_report, stored, server):
    stored()
    with ThreadPoolExecutor(4) as runs:
        list(runs.map(lambda _: mail_report(), range(4)))
    assert len(server.mails) == 1


def test_a_mail_that_failed_is_sent_by_the_next_try(
    mail_report, stored, server, monkeypatch, caplog
):
    stored()
    connect(monkeypatch, 1)
    mail_report()
    assert "The report could not be mailed. The forecast stands" in caplog.text
    connect(monkeypatch, server.port)
    mail_report()
    assert len(server.mails) == 1


def test_an_address_that_is_refused_keeps_no_other_from_its_mail(
    mail_report, stored, server, caplog
):
    stored()
    server.refused.add(TO[0])
    mail_report()
    assert [to for to, _ in server.mails] == [TO[1:]]
    assert f"The mail server refused {TO[0]}" in caplog.text


@pytest.mark.parametrize("why", ["nobody asked", "dry run", "past week", "no forecast"])
def test_what_is_not_to_be_mailed_is_not(mail_report, stored, server, monkeypatch, why):
    if why == "nobody asked":
        monkeypatch.delenv("HOTSPOTS_REPORT_TO")
        get_settings.cache_clear()
    if why != "no forecast":
        stored(today=TARGET + timedelta(days=9) if why == "past week" else date(2026, 1, 1))
    mail_report({**PLAN, "publish": why != "dry run"})
    assert server.mails == []


@pytest.mark.parametrize("wrong", ["nobody", "a@b.org;c@d.org x", "a@b.org\nBcc: c@d.org"])
def test_addresses_that_are_none_are_refused(monkeypatch, wrong):
    monkeypatch.setenv("HOTSPOTS_REPORT_TO", wrong)
    get_settings.cache_clear()
    told = r"`HOTSPOTS_REPORT_TO`: .* expected e-mail addresses, parted by commas"
    with pytest.raises(InvalidRequest, match=told):
        get_settings()
