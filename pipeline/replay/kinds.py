"""The kinds of report that the simulator makes, and how the two records systems code them."""

from dataclasses import dataclass

WARM_DAY_VIOLENT = 0.055  # Heilmann & Kahn (NBER w25961): 5.7 % more violent crime above 85 F


@dataclass(frozen=True)
class KindOfReport:
    """A kind of report.

    Attributes:
        name: short name.
        categories: those of the city's monthly figures that it holds.
        codes: legacy codes that make it up; codes of no kind belong to "other".
        field: cell field that places it.
        warm_day: log effect of a warm day.
        like: kind whose season and weekdays it takes, being too rare for its own.
    """

    name: str
    categories: tuple[str, ...]
    codes: tuple[int, ...]
    field: str
    warm_day: float = 0.0
    like: str | None = None

    @property
    def season_of(self) -> str:
        """Name of the kind from which season and weekdays are fitted."""
        return self.like or self.name


KINDS = (
    KindOfReport("homicide", ("Violent – Homicide",), (110,), "violent", WARM_DAY_VIOLENT,
                 "aggravated_assault"),
    KindOfReport("rape", ("Violent – Sexual Assault",), (121, 122, 815, 820, 821), "violent",
                 WARM_DAY_VIOLENT, "battery"),
    KindOfReport("robbery", ("Violent – Robbery",), (210, 220), "violent", WARM_DAY_VIOLENT),
    KindOfReport("aggravated_assault", ("Violent – Aggravated Assault",),
                 (230, 231, 235, 250, 251), "violent", WARM_DAY_VIOLENT),
    KindOfReport("battery", ("Violent – Assault & Battery",), (624, 625, 761, 647, 623, 622, 627),
                 "assault", WARM_DAY_VIOLENT),
    KindOfReport("domestic_violence", ("Domestic Violence",), (626, 236), "assault",
                 WARM_DAY_VIOLENT),
    KindOfReport("sex_offence", ("Sex Offense", "Crimes Against Children", "Human Trafficking"),
                 (860, 850, 810, 812, 813, 762, 822), "assault", 0.0, "battery"),
    KindOfReport("burglary", ("Property – Burglary",), (310, 320, 330, 410), "property"),
    KindOfReport("theft", ("Property – Theft",), (440, 341, 442, 343, 350, 352, 441), "property"),
    KindOfReport("vehicle", ("Vehicle Crime",), (510, 520, 331, 420, 421), "vehicle"),
    KindOfReport("vandalism", ("Property – Vandalism", "Property – Arson"), (740, 745, 648),
                 "property"),
    KindOfReport("fraud", ("Identity / Fraud",), (354, 662, 664, 649, 668), "other"),
    KindOfReport("other", ("Other", "Violent – Kidnapping", "Drug Offense"),
                 (930, 480, 888, 946, 956, 901, 900, 940, 753, 237, 910), "other"),
)  # fmt: skip
DELAY_FALLBACK = {  # kinds too rare for delays of their own
    "homicide": ("homicide", "robbery", "aggravated_assault"),
    "rape": ("rape", "sex_offence"),
    "sex_offence": ("rape", "sex_offence"),
}
FIELDS = ("violent", "assault", "property", "vehicle", "other")


@dataclass(frozen=True)
class Code:
    """A legacy code, its description, whether Part 1, and its NIBRS counterpart."""

    description: str
    part: int
    nibrs: str


CODES = {
    "110": Code("CRIMINAL HOMICIDE", 1, "09A"),
    "121": Code("RAPE, FORCIBLE", 1, "11A"),
    "122": Code("RAPE, ATTEMPTED", 1, "11A"),
    "815": Code("SEXUAL PENETRATION W/FOREIGN OBJECT", 1, "11C"),
    "820": Code("ORAL COPULATION", 1, "11B"),
    "821": Code("SODOMY", 1, "11B"),
    "210": Code("ROBBERY", 1, "120"),
    "220": Code("ATTEMPTED ROBBERY", 1, "120"),
    "230": Code("ASSAULT WITH DEADLY WEAPON, AGGRAVATED ASSAULT", 1, "13A"),
    "231": Code("ASSAULT WITH DEADLY WEAPON ON POLICE OFFICER", 1, "13A"),
    "235": Code("CHILD ABUSE (PHYSICAL) - AGGRAVATED ASSAULT", 1, "13A"),
    "236": Code("INTIMATE PARTNER - AGGRAVATED ASSAULT", 1, "13A"),
    "250": Code("SHOTS FIRED AT MOVING VEHICLE, TRAIN OR AIRCRAFT", 1, "13A"),
    "251": Code("SHOTS FIRED AT INHABITED DWELLING", 1, "13A"),
    "761": Code("BRANDISH WEAPON", 2, "13A"),
    "622": Code("BATTERY ON A FIREFIGHTER", 2, "13B"),
    "623": Code("BATTERY POLICE (SIMPLE)", 2, "13B"),
    "624": Code("BATTERY - SIMPLE ASSAULT", 2, "13B"),
    "625": Code("OTHER ASSAULT", 2, "13B"),
    "626": Code("INTIMATE PARTNER - SIMPLE ASSAULT", 2, "13B"),
    "627": Code("CHILD ABUSE (PHYSICAL) - SIMPLE ASSAULT", 2, "13B"),
    "647": Code("THROWING OBJECT AT MOVING VEHICLE", 2, "13B"),
    "930": Code("CRIMINAL THREATS - NO WEAPON DISPLAYED", 2, "13C"),
    "762": Code("LEWD CONDUCT", 2, "90Z"),
    "810": Code("SEX, UNLAWFUL", 2, "36B"),
    "812": Code("CRM AGNST CHLD", 2, "11D"),
    "813": Code("CHILD ANNOYING", 2, "11D"),
    "822": Code("HUMAN TRAFFICKING - COMMERCIAL SEX ACTS", 2, "64A"),
    "850": Code("INDECENT EXPOSURE", 2, "90Z"),
    "860": Code("BATTERY WITH SEXUAL CONTACT", 2, "11D"),
    "310": Code("BURGLARY", 1, "220"),
    "320": Code("BURGLARY, ATTEMPTED", 1, "220"),
    "330": Code("BURGLARY FROM VEHICLE", 1, "23F"),
    "410": Code("BURGLARY FROM VEHICLE, ATTEMPTED", 1, "23F"),
    "341": Code("THEFT-GRAND", 1, "23H"),
    "343": Code("SHOPLIFTING-GRAND THEFT", 1, "23C"),
    "350": Code("THEFT, PERSON", 1, "23B"),
    "352": Code("PICKPOCKET", 1, "23A"),
    "440": Code("THEFT PLAIN - PETTY", 1, "23H"),
    "441": Code("THEFT PLAIN - ATTEMPT", 1, "23H"),
    "442": Code("SHOPLIFTING - PETTY THEFT", 1, "23C"),
    "331": Code("THEFT FROM MOTOR VEHICLE - GRAND", 1, "23F"),
    "420": Code("THEFT FROM MOTOR VEHICLE - PETTY", 1, "23F"),
    "421": Code("THEFT FROM MOTOR VEHICLE - ATTEMPT", 1, "23F"),
    "510": Code("VEHICLE - STOLEN", 1, "240"),
    "520": Code("VEHICLE - ATTEMPT STOLEN", 1, "240"),
    "648": Code("ARSON", 1, "200"),
    "740": Code("VANDALISM - FELONY", 2, "290"),
    "745": Code("VANDALISM - MISDEAMEANOR", 2, "290"),
    "354": Code("THEFT OF IDENTITY", 2, "26F"),
    "649": Code("DOCUMENT FORGERY / STOLEN FELONY", 2, "250"),
    "662": Code("BUNCO, GRAND THEFT", 2, "26A"),
    "664": Code("BUNCO, PETTY THEFT", 2, "26A"),
    "668": Code("EMBEZZLEMENT, GRAND THEFT", 2, "270"),
    "237": Code("CHILD NEGLECT", 2, "90F"),
    "480": Code("BIKE - STOLEN", 1, "23H"),
    "753": Code("DISCHARGE FIREARMS/SHOTS FIRED", 2, "520"),
    "888": Code("TRESPASSING", 2, "90J"),
    "900": Code("VIOLATION OF COURT ORDER", 2, "90Z"),
    "901": Code("VIOLATION OF RESTRAINING ORDER", 2, "90Z"),
    "910": Code("KIDNAPPING", 2, "100"),
    "940": Code("EXTORTION", 2, "210"),
    "946": Code("OTHER MISCELLANEOUS CRIME", 2, "90Z"),
    "956": Code("LETTERS, LEWD - TELEPHONE CALLS, LEWD", 2, "90Z"),
}
NIBRS = {  # code -> description, crime against
    "09A": ("Murder & Nonnegligent Manslaughter", "Person"),
    "100": ("Kidnapping/Abduction", "Person"),
    "11A": ("Rape", "Person"),
    "11B": ("Sodomy", "Person"),
    "11C": ("Sexual Assault With An Object", "Person"),
    "11D": ("Fondling", "Person"),
    "120": ("Robbery", "Property"),
    "13A": ("Aggravated Assault", "Person"),
    "13B": ("Simple Assault", "Person"),
    "13C": ("Intimidation", "Person"),
    "200": ("Arson", "Property"),
    "210": ("Extortion/Blackmail", "Property"),
    "220": ("Burglary/Breaking & Entering", "Property"),
    "23A": ("Pocket-picking", "Property"),
    "23B": ("Purse-snatching", "Property"),
    "23C": ("Shoplifting", "Property"),
    "23F": ("Theft From Motor Vehicle", "Property"),
    "23H": ("All Other Larceny", "Property"),
    "240": ("Motor Vehicle Theft", "Property"),
    "250": ("Counterfeiting/Forgery", "Property"),
    "26A": ("False Pretenses/Swindle", "Property"),
    "26F": ("Identity Theft", "Property"),
    "270": ("Embezzlement", "Property"),
    "290": ("Destruction/Damage/Vandalism of Property", "Property"),
    "36B": ("Statutory Rape", "Person"),
    "520": ("Weapon Law Violations", "Society"),
    "64A": ("Human Trafficking, Commercial Sex Acts", "Person"),
    "90F": ("Family Offenses, Nonviolent", "Person"),
    "90J": ("Trespass of Real Property", "Society"),
    "90Z": ("All Other Offenses", "Society"),
}
