"""What is expected of a month in the lake: that the file is what its name says, and like the months before it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from taxi_pipeline.quality.checks import Draft, Frame, Severity, Suite, median_of, ratio, shift
from taxi_pipeline.quality.profile import CODE_COLUMNS, Profile, month_days, read_seed
from taxi_pipeline.schemas import Service

MIN_ROWS = 1_000
"""Fewer rows are a specimen, of which no share can be judged."""

EXCERPT_ROWS = 5_000
"""From here on the days and hours of an excerpt say something: 160 pickups a day, 200 an hour of the day."""

WHOLE_MONTH_ROWS = 30_000
"""No month that TLC has published since 2016-07 has fewer rows (the smallest: green 2020-04, 35,644)."""

MIN_DAYS = 7
"""Days with pickups that make a file a month, or a sample of one. On fewer it is an excerpt that somebody has cut on
purpose: what is odd about it is a warning."""

MIN_TRIPS = 500
"""Trips that a ratio or a correlation needs: with these its standard error is below 0.05."""

MIN_PREVIOUS = 3
"""Months before this one that a comparison needs: the median of fewer would be thrown by one odd month."""

MAX_PREVIOUS = 12
"""Months before this one that are compared: a year, so that no season weighs more than another."""

QUIET_HOURS = 4


@dataclass(frozen=True)
class Lists:
    """The seeds that months are held against.

    Attributes:
        codes: the known values of each code column.
        published: rows of TLC's own Parquet file, by service and ``YYYY-MM``.
        hail_zones: zones where yellow taxis alone may be hailed: Manhattan's core and the airports.
    """

    codes: Mapping[str, Sequence[int | str]]
    published: Mapping[tuple[str, str], int]
    hail_zones: frozenset[str]


def read_lists() -> Lists:
    """Read them from the seeds; the project's own members for unknown and not applicable are no codes of TLC's."""

    def codes(name: str, column: str) -> list[int | str]:
        return [int(row[column]) for row in read_seed(name) if int(row[column]) >= 0]

    return Lists(
        codes={
            "vendorid": codes("vendors", "vendor_id"),
            "ratecodeid": codes("rate_codes", "rate_code_id"),
            "payment_type": codes("payment_types", "payment_type_id"),
            "trip_type": codes("trip_types", "trip_type_id"),
            "store_and_fwd_flag": ["N", "Y"],
        },
        published={
            (row["service_type"], row["file_month"][:7]): int(row["parquet_rows"])
            for row in read_seed("published_trip_counts")
        },
        hail_zones=frozenset(
            row["locationid"]
            for row in read_seed("taxi_zone_lookup")
            if row["service_zone"] in {"Yellow Zone", "Airports"}
        ),
    )


def lake_month_suite(
    service: Service,
    month: date,
    profile: Profile,
    previous: Sequence[Profile],
    lists: Lists,
    *,
    is_synthetic: bool,
) -> Suite:
    """Put together what is expected of one month.

    Args:
        service: whose trips.
        month: first day of the file's month.
        profile: what the month is like.
        previous: profiles of the comparable months before it, of a similar kind (excerpt or whole month).
        lists: the seeds.
        is_synthetic: the file is this project's sample, to which no published figure applies.
    """
    key = f"{month:%Y-%m}"
    draft = Draft()
    measures: dict[str, float | None] = {
        **_file_measures(service, month, profile, lists),
        **_drift_measures(service, profile, previous),
    }
    _expect_the_file_to_be_what_it_says(draft, profile)
    _expect_local_time(draft, profile)
    if service is not Service.FHV:
        _expect_the_tariff(draft, profile)
        _expect_the_map(draft, service, profile)
    _expect_the_published_rows(draft, measures, is_synthetic=is_synthetic)
    _expect_what_was_before(draft, service, profile, previous)
    frames: dict[str, Frame] = {"month": [{"key": key, **measures}]}

    draft.frame = "days"
    frames["days"] = _day_frame(month, profile)
    _expect_every_day(draft, profile)

    draft.frame = "columns"
    frames["columns"] = [
        {"key": name, "share_missing": ratio(number, profile.rows - profile.unparseable)}
        for name, number in profile.nulls.items()
        if name not in _MAY_BE_EMPTY
    ]
    draft.between(
        "required_columns_are_filled",
        "share_missing",
        most=0.5,
        severity="critical",
        sees="a column that is there by name only",
        reason=(
            "Real months lack 0 % of times, zones and fares. What TLC does leave empty (vendors "
            "of dispatched trips in the CSV files, zones of FHV: 82 % in 2025) is not looked at."
        ),
    )
    for column in CODE_COLUMNS[service]:
        draft.frame = column
        frames[column] = [
            {
                "key": value,
                column: value if column == "store_and_fwd_flag" else int(value),
                "rows": n,
            }
            for value, n in profile.codes[column].items()
        ]
        draft.one_of(
            f"every_{_WORDS[column]}_is_known",
            column,
            lists.codes[column],
            severity="warning",
            sees=f"a new {_WORDS[column].replace('_', ' ')}",
            reason=(
                "TLC's dictionary of 2025-03-18 and the seeds. A new code is news, not an error: "
                "its rows are counted under the dimension's unknown member until the seed knows "
                "it."
            ),
            unless=None if frames[column] else "the column is empty",
        )
    facts = {
        "Rows": f"{profile.rows:,}",
        "Compared with": f"{len(previous)} months before it" if previous else "no month before it",
    }
    if is_synthetic:
        facts["Note"] = "Synthetic sample, not TLC's data"
    return Suite(
        suite_name(service, month),
        f"{service.label} {key} in the lake",
        frames,
        draft.checks,
        draft.skipped,
        facts,
    )


def suite_name(service: Service, month: date) -> str:
    """The name of a month's suite."""
    return f"lake-{service.value}-{month:%Y-%m}"


_MAY_BE_EMPTY = frozenset({"vendorid", "dropoff_datetime", "pulocationid", "dolocationid"})
_WORDS = {
    "vendorid": "vendor",
    "ratecodeid": "rate_code",
    "payment_type": "payment_type",
    "store_and_fwd_flag": "store_and_forward_flag",
    "trip_type": "trip_type",
}


def _days_with_pickups(profile: Profile) -> int:
    return sum(1 for number in profile.days if number)


def _gate(profile: Profile) -> Severity:
    """How bad it is if a month does not look like one: for an excerpt of some days, it is to be expected."""
    return "critical" if _days_with_pickups(profile) >= MIN_DAYS else "warning"


def _too_few(number: int, needed: int, what: str) -> str | None:
    return (
        None if number >= needed else f"{number:,} {what} are too few to say; it takes {needed:,}"
    )


# --- One month by itself --------------------------------------------------------------------------


def _file_measures(
    service: Service, month: date, profile: Profile, lists: Lists
) -> dict[str, float | None]:
    zones, rows = Counter(profile.zones), profile.rows
    quiet = min(range(24), key=lambda start: sum(_window(profile.hours, start)))
    return {
        "share_unparseable": ratio(profile.unparseable, rows),
        "share_outside_month": ratio(profile.outside, profile.pickups),
        "quietest_hour": (quiet + 12) % 24 - 12,  # hours before midnight are negative
        "longest_gap_hours": profile.longest_gap,
        "fare_to_full_meter": ratio(profile.ordinary_fares, profile.metered_fares),
        "miles_to_map_correlation": profile.map_correlation,
        "share_unknown_zone": ratio(zones["264"], rows),
        "share_hail_zone": ratio(
            sum(number for zone, number in zones.items() if zone in lists.hail_zones), rows
        ),
        "rows_to_published": ratio(rows, lists.published.get((service.value, f"{month:%Y-%m}"))),
    }


def _window(hours: Sequence[int], start: int) -> list[int]:
    return [hours[(start + number) % 24] for number in range(QUIET_HOURS)]


def _expect_the_file_to_be_what_it_says(draft: Draft, profile: Profile) -> None:
    few = _too_few(profile.rows, MIN_ROWS, "rows")
    severities: tuple[tuple[str, float, Severity], ...] = (
        ("most_rows_are_readable", 0.5, "critical"),
        ("hardly_any_row_is_unreadable", 0.01, "warning"),
    )
    for name, most, severity in severities:
        draft.between(
            name,
            "share_unparseable",
            most=most,
            severity=severity,
            sees="a file whose rows do not fit its header",
            reason="The real files have none. At a half, the header is wrong.",
            unless=few,
        )
    draft.between(
        "most_pickups_lie_in_the_month",
        "share_outside_month",
        most=0.5,
        severity="critical",
        sees="another month's file under this name",
        reason="Real months have at most 0.05 % outside; another month's file has 99 %.",
        unless=few,
    )
    draft.between(
        "pickups_do_not_leak_out_of_the_month",
        "share_outside_month",
        most=0.004,
        severity="warning",
        sees="timestamps shifted, which pushes the last evening out; rows of another month",
        reason="Eight times the 0.05 % of real months. To UTC, a shift of four or five hours, "
        "0.41 % or 0.64 % of green 2024-01 move into the next month.",
        unless=few,
    )


def _expect_local_time(draft: Draft, profile: Profile) -> None:
    pickups = sum(profile.days)
    draft.between(
        "the_quietest_hours_are_those_of_the_new_york_night",
        "quietest_hour",
        least=-1,
        most=3,
        severity="critical",
        sees="timestamps shifted to UTC or another zone",
        reason=(
            f"Hour in which the {QUIET_HOURS} quietest hours of the day begin; -1 is 23:00. Real "
            "months of 2019, 2020 and 2024, the lockdown among them: 0 to 2. In UTC they begin "
            "at 4 to 7."
        ),
        unless=_too_few(pickups, EXCERPT_ROWS, "pickups in the month")
        or _too_few(_days_with_pickups(profile), MIN_DAYS, "days with pickups"),
    )


def _expect_the_tariff(draft: Draft, profile: Profile) -> None:
    few = _too_few(profile.ordinary_trips, MIN_TRIPS, "ordinary trips at the standard rate")
    severities: tuple[tuple[str, float, float, Severity], ...] = (
        ("fares_are_those_of_the_tariff", 0.5, 1.05, _gate(profile)),
        ("fares_are_where_real_months_have_them", 0.65, 0.9, "warning"),
    )
    for name, least, most, severity in severities:
        draft.between(
            name,
            "fare_to_full_meter",
            least=least,
            most=most,
            severity=severity,
            sees="fares doubled, halved, in cents, or in the wrong column",
            reason=(
                "Fares of ordinary trips against a meter that counts every mile and every minute "
                "(drop and step 2.50 and 0.50 dollars, from 2022-12-19 3.00 and 0.70). The meter "
                "counts either, so the ratio lies below 1: 0.73 to 0.76 in the real months of "
                "2019, 2020 and 2024. Doubled fares give 1.5."
            ),
            unless=few,
        )


def _expect_the_map(draft: Draft, service: Service, profile: Profile) -> None:
    draft.between(
        "miles_driven_agree_with_the_map_of_zones",
        "miles_to_map_correlation",
        least=0.6,
        severity=_gate(profile),
        sees="zones shuffled, renumbered, or in the wrong column",
        reason=(
            "Correlation of the miles driven with the miles between the points of pickup and "
            "dropoff zone. Real months: 0.88 to 0.96. Shuffled zones give 0."
        ),
        unless=_too_few(profile.located_trips, MIN_TRIPS, "trips between known zones"),
    )
    few = _too_few(profile.rows, MIN_ROWS, "rows")
    if service is Service.GREEN:
        draft.between(
            "green_taxis_pick_up_outside_the_yellow_zone",
            "share_hail_zone",
            most=0.2,
            severity="warning",
            sees="pickup and dropoff zones swapped, zones shuffled, yellow trips under green's name",
            reason=(
                "Green taxis may not be hailed in Manhattan's core or at the airports. Real "
                "months: 0.01 to 0.06; their dropoffs: 0.15 to 0.37."
            ),
            unless=few,
        )
    else:
        draft.between(
            "yellow_taxis_pick_up_in_the_yellow_zone",
            "share_hail_zone",
            least=0.5,
            severity="warning",
            sees="zones shuffled, green trips under yellow's name",
            reason="Real months: 0.94, in the lockdown 0.78. Zones drawn at random give 0.22.",
            unless=few,
        )
    draft.between(
        "hardly_any_pickup_zone_is_unknown",
        "share_unknown_zone",
        most=0.05,
        severity="warning",
        sees="zones missing or out of the list",
        reason="Twice the 0.9 to 2.5 % of real yellow months.",
        unless=few,
    )


def _expect_the_published_rows(
    draft: Draft, measures: Mapping[str, float | None], *, is_synthetic: bool
) -> None:
    unless = None
    if is_synthetic:
        unless = "the file is synthetic"
    elif measures["rows_to_published"] is None:
        unless = "the number of rows that TLC published is not in the seed published_trip_counts"
    draft.between(
        "the_month_has_the_rows_that_tlc_published",
        "rows_to_published",
        least=0.9,
        most=1.1,
        severity="info",
        sees="an excerpt, a file cut off, a month doubled",
        reason=(
            "TLC republishes months, and the copy of DataTalksClub has 3 % fewer green rows; a "
            "tenth is more than both. For information: an excerpt is loaded on purpose."
        ),
        unless=unless,
    )


def _day_frame(month: date, profile: Profile) -> list[dict[str, object]]:
    typical = median_of(profile.days, 1)
    return [
        {"key": day.isoformat(), "pickups": number, "pickups_to_median_day": ratio(number, typical)}
        for day, number in zip(month_days(month), profile.days, strict=True)
    ]


def _expect_every_day(draft: Draft, profile: Profile) -> None:
    pickups = sum(profile.days)
    few = _too_few(pickups, EXCERPT_ROWS, "pickups in the month")
    draft.between(
        "every_day_of_the_month_has_pickups",
        "pickups",
        least=1,
        severity=_gate(profile) if pickups >= WHOLE_MONTH_ROWS else "warning",
        sees="a day missing, a file cut off",
        reason=(
            f"No day of a real month is empty. A file with fewer than {WHOLE_MONTH_ROWS:,} rows or "
            f"{MIN_DAYS} days is an excerpt, which may leave days out: there it is a warning."
        ),
        unless=few,
    )
    draft.between(
        "no_day_is_a_fraction_of_the_others",
        "pickups_to_median_day",
        least=0.02,
        most=5,
        severity="warning",
        sees="most of a day missing, a day loaded many times",
        reason=(
            "In 2020-03, the steepest fall there was, yellow ended near the 8,000 trips a day of "
            "2020-04, which is 8 % of that month's average day."
        ),
        unless=few,
    )
    draft.frame = "month"
    draft.between(
        "no_hours_on_end_are_empty",
        "longest_gap_hours",
        most=6,
        severity="warning",
        sees="hours missing",
        reason="Green 2024-01, a small month, has no hour without a pickup; excerpts of 10,000 "
        "yellow rows have gaps of up to 4.",
        unless=_too_few(pickups, WHOLE_MONTH_ROWS, "pickups in the month"),
    )


# --- Against the months before it -----------------------------------------------------------------


def _drift_measures(
    service: Service, profile: Profile, previous: Sequence[Profile]
) -> dict[str, float | None]:
    pooled = {
        column: sum((Counter(other.codes[column]) for other in previous), Counter())
        for column in CODE_COLUMNS[service]
    }
    zones: Counter[str] = sum((Counter(other.zones) for other in previous), Counter())
    return {
        "volume_ratio": ratio(profile.rows, median_of([p.rows for p in previous], MIN_PREVIOUS)),
        "mean_fare_ratio": ratio(
            mean_fare(profile), median_of([mean_fare(p) for p in previous], MIN_PREVIOUS)
        ),
        "card_share_change": _change(profile, previous, card_share),
        "unknown_zone_change": _change(profile, previous, unknown_zone_share),
        "pickup_zone_shift": shift(profile.zones, zones),
        **{f"{_WORDS[name]}_shift": shift(profile.codes[name], pooled[name]) for name in pooled},
    }


def mean_fare(profile: Profile) -> float | None:
    """Dollars a trip, over fares of more than 0 and at most 1000."""
    return ratio(profile.fare_amount, profile.fares)


def card_share(profile: Profile) -> float | None:
    """Trips paid by card among those paid by card or cash."""
    codes = profile.codes.get("payment_type", {})
    card, cash = codes.get("1", 0), codes.get("2", 0)
    return ratio(card, card + cash)


def unknown_zone_share(profile: Profile) -> float | None:
    """Rows with an unknown or missing pickup zone."""
    return ratio(profile.zones.get("264", 0), profile.rows)


def _change(
    profile: Profile, previous: Sequence[Profile], share: Callable[[Profile], float | None]
) -> float | None:
    this, typical = share(profile), median_of([share(p) for p in previous], MIN_PREVIOUS)
    return None if this is None or typical is None else round(this - typical, 4)


def _expect_what_was_before(
    draft: Draft, service: Service, profile: Profile, previous: Sequence[Profile]
) -> None:
    few = (
        None
        if len(previous) >= MIN_PREVIOUS
        else f"{len(previous)} comparable months before this one are too few; it takes {MIN_PREVIOUS}"
    )
    draft.between(
        "volume_is_like_that_of_the_months_before",
        "volume_ratio",
        least=0.5,
        most=2,
        severity="warning",
        sees="part of a month missing, a month doubled",
        reason=(
            f"Rows against the median of up to {MAX_PREVIOUS} months before. All published months "
            "since 2016-07 lie within 0.64 and 1.35, known breaks left out."
        ),
        unless=few,
    )
    if service is not Service.FHV:
        draft.between(
            "mean_fare_is_like_that_of_the_months_before",
            "mean_fare_ratio",
            least=0.65,
            most=1.4,
            severity="warning",
            sees="fares doubled or halved, another unit",
            reason=(
                "TLC's published farebox per trip since 2016-07 lies within 0.70 (green 2022-01) "
                "and 1.29 (yellow 2023-05, after the tariff rose) of the months before, known "
                "breaks left out."
            ),
            unless=few,
        )
        draft.between(
            "share_of_card_is_like_that_of_the_months_before",
            "card_share_change",
            least=-0.15,
            most=0.15,
            severity="warning",
            sees="payment codes changed or lost",
            reason="Among real yellow months of 2019 it moves by 0.014; into the lockdown it fell by 0.12.",
            unless=few or (None if card_share(profile) is not None else "no payment is known"),
        )
    most = 0.25 if service is Service.FHV else 0.03
    draft.between(
        "share_of_unknown_zones_is_like_that_of_the_months_before",
        "unknown_zone_change",
        least=-most,
        most=most,
        severity="warning",
        sees="zones lost",
        reason="Real yellow months: 0.9 to 2.5 %. FHV: 32 to 82 % over five years, so a quarter at once is news.",
        unless=few,
    )
    draft.between(
        "pickup_zones_are_spread_like_in_the_months_before",
        "pickup_zone_shift",
        most=0.35 if service is Service.FHV else 0.25,
        severity="warning",
        sees="zones shuffled or renumbered",
        reason=(
            "Share of rows that would have to lie in another zone. Between real yellow months of "
            "2019: 0.06, most of it chance; a renumbering gives 0.8. FHV's base is what its bases "
            "care to report, hence more room."
        ),
        unless=few,
    )
    for column in CODE_COLUMNS[service]:
        draft.between(
            f"{_WORDS[column]}s_are_spread_like_in_the_months_before",
            f"{_WORDS[column]}_shift",
            most=0.2,
            severity="warning",
            sees="a code that comes, goes, or takes the place of another",
            reason=(
                "Share of rows that would have to carry another code. Between real yellow months "
                "of 2019 at most 0.04; a fifth is more than the lockdown moved payment types."
            ),
            unless=few or (None if profile.codes[column] else "the column is empty"),
        )
