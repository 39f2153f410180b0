"""Every path, address, credential and knob, read once from HOTSPOTS_* variables."""

import os
import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.domain.city import CITIES_DIR, City, load_city
from pipeline.domain.errors import InvalidRequest
from pipeline.domain.sentences import sentences

PREFIX = "HOTSPOTS_"
# So strict because the page's content security policy names the origin; {r} is for fine screens.
LIVE_HOME, DEMO_HOME = Path("var/live"), Path("var/demo")
BUILT_PAGE = Path(__file__).resolve().parents[1] / "plugins/hotspots_ui/web/dist"
LAKE = r"^s3://[a-z0-9][a-z0-9.-]+(/[\w.-]+)*$"
TILES = re.compile(r"(https?://[A-Za-z0-9.-]+(?::\d+)?)/(?:[^\s{}]|\{[zxyr]\})+")

# The setting that says whose they are -> the one that says where they come from, and what they are.
SOURCES = {"base_map_source": ("base_map_url", "streets"), "roads_source": ("roads_file", "roads")}
ADDRESS = r"[^\s,@<>]+@[^\s,@<>]+"


# It may hold a password, so that neither a repr nor an error shows it.
Address = Annotated[str | None, Field(repr=False)]


def usual_home(replay_url: str | None) -> Path:
    """Return the home that is meant where none is given, in the working directory.

    It is the live one. The demo's, which `make run` fills, is meant with a replay, and as long as
    it is the only one of the two that holds data.
    """
    is_only_demo = (DEMO_HOME / "lake").is_dir() and not (LIVE_HOME / "lake").is_dir()
    return DEMO_HOME if replay_url or is_only_demo else LIVE_HOME


class Settings(BaseSettings):
    """The whole configuration of an installation.

    Attributes:
        replay_url: address of a replay server; when set, every source is asked there instead.
        home: folder that everything is written to unless said otherwise; see `usual_home`.
        lake_url: s3://BUCKET/PREFIX to keep the lake there, instead of in a folder of `home`.
        results_url: SQLAlchemy URL of the results store.
        results_reader_url: the same store through a role that may only read; the page uses it.
        mlflow_url: MLflow tracking and registry URL.
        airflow_url: address of Airflow's API server, which `hotspots doctor` asks for its health.
        data_docs_url: address that serves the folder `data_docs` of `home`; the page links to it.
        base_map_url: tiles of a street map, as https://HOST/{z}/{x}/{y}.png, which the page then
            draws beneath its cells; None means that it loads nothing from elsewhere.
        base_map_source: whose street map that is, in plain text; the page shows it.
        roads_file: GeoJSON of freeways and main streets, which the page draws as light lines and
            finds by name.
        roads_source: whose roads those are, in plain text; the page shows it.
        public: what `hotspots site` may write for everybody: nothing, figures of city and divisions
            only, or all.
        report_to: addresses, parted by commas, that Airflow mails each new week's report to.
        page_dir: folder of the built page, which `hotspots site` copies; None means the checkout's.
        cities: short names of the cities that Airflow forecasts on schedule, parted by commas.
        cities_dir: folder of TOML files of cities beside those of the package.
        contact: e-mail or page put into the User-Agent; the weather service requires one.
        socrata_token: application token sent as X-App-Token.
        use_soda3: query Socrata by its version 3 API, which needs a token.
        page_rows: rows per Socrata page; 50,000 is the most the portals serve.
        connect_timeout_s: longest wait for a connection, in seconds.
        read_timeout_s, deadline_s: longest wait for one answer, and for one with its retries.
        window_weeks: weekly grids that the crime branch sees.
        history_start: first day to pull reports of, as YYYY-MM-DD; None means all there are. Read
            when a dataset is first pulled: change it together with `home`.
        train_executor: which of Airflow's executors runs trainings; None means the first of them.
        train_epochs, train_members: length of a retraining, and networks in the ensemble.
        seed: seed of everything random.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )

    replay_url: Address = None
    home: Path = Field(default_factory=lambda known: usual_home(known.get("replay_url")))
    lake_url: Address = Field(default=None, pattern=LAKE)
    results_url: Address = None
    results_reader_url: Address = None
    mlflow_url: Address = None
    airflow_url: Address = None
    data_docs_url: Address = None
    base_map_url: Address = None
    base_map_source: str | None = Field(default=None, validate_default=True)
    roads_file: Path | None = None
    roads_source: str | None = Field(default=None, validate_default=True)
    public: Literal["nothing", "divisions", "all"] = "nothing"
    report_to: str | None = Field(default=None, pattern=rf"^{ADDRESS}(, ?{ADDRESS})*$")
    page_dir: Path | None = None
    cities: str = Field(default="los_angeles", pattern=r"^[a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)*$")
    cities_dir: Path | None = None
    contact: str = "contact-not-set"
    socrata_token: SecretStr | None = None
    use_soda3: bool = False
    page_rows: int = Field(default=50_000, ge=100, le=50_000)
    connect_timeout_s: float = 10
    read_timeout_s: float = 240
    deadline_s: float = 900
    window_weeks: int = Field(default=20, ge=6, le=104)
    history_start: str | None = None
    train_executor: str | None = None
    train_epochs: int = Field(default=40, ge=1)
    train_members: int = Field(default=1, ge=1)
    seed: int = 20260101

    @field_validator("base_map_url")
    @classmethod
    def _leads_to_tiles(cls, url: str | None) -> str | None:
        is_template = url is None or (
            TILES.fullmatch(url) and all(part in url for part in ("{z}", "{x}", "{y}"))
        )
        if not is_template:
            raise ValueError(
                "expected http(s)://HOST/PATH with {z}, {x} and {y} in the path, and {r} if the "
                "server has tiles for fine screens; give that, or nothing for no base map"
            )
        return url

    @field_validator("base_map_source", "roads_source")
    @classmethod
    def _says_whose(cls, source: str | None, info: ValidationInfo) -> str | None:
        name = str(info.field_name)
        of, what = SOURCES[name]
        if info.data.get(of) and not source:
            raise ValueError(
                f"{PREFIX}{of.upper()} is set, and whose {what} those are isn't: set "
                f"{PREFIX}{name.upper()}, such as '© OpenStreetMap contributors'"
            )
        return source

    @property
    def base_map_origin(self) -> str | None:
        """Scheme, host and port that the base map comes from; None without one."""
        found = TILES.match(self.base_map_url or "")
        return found and found[1]

    @property
    def scheduled_cities(self) -> list[str]:
        """Short names of the cities that are forecast on schedule."""
        return self.cities.split(",")

    @property
    def subscribers(self) -> list[str]:
        """Addresses that each new week's report is mailed to."""
        return re.findall(ADDRESS, self.report_to or "")

    def city(self, name: str) -> City:
        """Return the city of a name, from the package or from `cities_dir`.

        Raises:
            InvalidRequest: there is none, or its file does not hold a valid city.
        """
        return load_city(name, self.cities_dir)

    def with_city(self, name_or_path: str) -> tuple["Settings", City]:
        """Return a city by its name or its TOML file, and settings under which its name finds it.

        Raises:
            InvalidRequest: as `city`; or another city has the name of the file's.
        """
        city = self.city(name_or_path)
        if city.folder == CITIES_DIR:
            return self, city
        return self.model_copy(update={"cities_dir": city.folder}), city

    @property
    def lake_root(self) -> Path | str:
        """Where the lake lies: its URL, or a folder in `home` unless one was given."""
        return self.lake_url or self.home / "lake"

    def moved_to(self, home: Path) -> "Settings":
        """Return the same settings with another home, and the lake in it."""
        return self.model_copy(update={"home": home, "lake_url": None})

    @property
    def trainings_dir(self) -> Path:
        """Folder of what trainings in processes of their own read and write."""
        return self.home / "trainings"

    @property
    def built_page(self) -> Path:
        """Folder of the built page."""
        return self.page_dir or BUILT_PAGE

    def data_docs_dir(self, city: str, issue_date: date) -> Path:
        """Folder of the Data Docs of a city's run, where they were written."""
        return self.home / "data_docs" / city / issue_date.isoformat()

    @property
    def results_database(self) -> str:
        """URL of the results store; a SQLite file in `home` unless one was given."""
        return self.results_url or f"sqlite:///{(self.home / 'results.db').resolve()}"

    @property
    def reader_database(self) -> str:
        """URL to read the results store by; the store's own unless a reader's was given."""
        return self.results_reader_url or self.results_database

    @property
    def mlflow_database(self) -> str:
        """URL of the model registry; a SQLite file in `home` unless one was given."""
        return self.mlflow_url or f"sqlite:///{(self.home / 'mlflow.db').resolve()}"


FORMS = {
    f"{PREFIX}LAKE_URL": "s3://BUCKET/PREFIX, without a login",
    f"{PREFIX}REPORT_TO": "e-mail addresses, parted by commas",
}


@cache
def get_settings() -> Settings:
    """Return the settings of this process.

    Raises:
        InvalidRequest: a variable can't be read, or its name is not one of ours.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    strange = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if strange:
        raise InvalidRequest(
            f"Unknown setting {', '.join(strange)}. Known: {', '.join(sorted(known))}."
        )
    try:
        return Settings()
    except ValidationError as error:
        raise InvalidRequest(f"The settings can't be read. {_said(error)}") from error


def _said(error: ValidationError) -> str:
    """Return a sentence for each setting that can't be, without what may hold a password."""
    problems = SimpleNamespace(errors=lambda: [_named(one) for one in error.errors()])
    return sentences(problems, FORMS)


def _named(problem: Mapping[str, Any]) -> dict[str, Any]:
    name = problem["loc"][0]
    field = Settings.model_fields[name]
    is_shown = field.repr and field.annotation is not SecretStr
    shown = problem["input"] if is_shown else NotShown()
    return {**problem, "loc": (PREFIX + name.upper(),), "input": shown}


class NotShown:
    """Stands for a value that may hold a password."""

    def __repr__(self) -> str:
        """Say that much."""
        return "a value that is not shown"
