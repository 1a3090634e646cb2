"""What is measured of a month in the lake; ``checks.toml`` says what is expected of it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from taxi_pipeline.quality.checks import Frame, Suite, median_of, ratio, shift
from taxi_pipeline.quality.definitions import MIN_PREVIOUS, Definition, definitions
from taxi_pipeline.quality.profile import CODE_COLUMNS, Profile, month_days
from taxi_pipeline.schemas import Service
from taxi_pipeline.seeds import read_seed, read_variables
from taxi_pipeline.texts import plural

MAX_PREVIOUS = 12
"""Months before this one that are compared: a year, so that no season weighs more than another."""

QUIET_HOURS = 4
"""How many hours of the night are taken together, so that one odd hour does not matter."""


_WITHOUT_A_COUNT = "rows_to_months_around"
"""What a month is measured by that has no published row count."""


@dataclass(frozen=True)
class Lists:
    """The seeds that months are held against.

    Attributes:
        codes: the known values of each code column.
        published: as ``published_rows``.
        hail_zones: zones where yellow taxis alone may be hailed: Manhattan's core and the airports.
    """

    codes: Mapping[str, Sequence[int | str]]
    published: Mapping[tuple[str, str], int]
    hail_zones: frozenset[str]


@cache
def published_rows() -> Mapping[tuple[str, str], int]:
    """Rows of TLC's own Parquet file, by service and ``YYYY-MM``."""
    return {
        (row["service_type"], row["file_month"][:7]): int(row["parquet_rows"])
        for row in read_seed("published_trip_counts")
    }


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
            "hvfhs_license_num": [
                row["hvfhs_license_number"]
                for row in read_seed("hvfhs_licensees")
                if row["hvfhs_license_number"].startswith("HV")
            ],
        },
        published=published_rows(),
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
        previous: profiles of the comparable months before it, of a similar size.
        lists: the seeds.
        is_synthetic: the file is this project's sample, to which no published figure applies.
    """
    key = f"{month:%Y-%m}"
    published = None if is_synthetic else lists.published.get((service.value, key))
    around = None if is_synthetic or published else _smallest_around(service, month, lists)
    frames: dict[str, Frame] = {
        "month": [
            {
                "key": key,
                **_file_measures(profile, published, around, lists),
                **_drift_measures(service, profile, previous),
            }
        ],
        "days": _day_frame(month, profile),
        "columns": [
            {"key": name, "share_missing": ratio(number, profile.rows - profile.unparseable)}
            for name, number in profile.nulls.items()
            if name not in _MAY_BE_EMPTY
        ],
        **{column: _code_frame(column, profile) for column in CODE_COLUMNS[service]},
    }
    known = definitions()
    checks, skipped = known.apply(
        [
            check
            for definition in known.of("lake", service.value)
            if published is None or definition.measure != _WITHOUT_A_COUNT
            for check in _expanded(definition, service, profile, lists)
        ],
        frames,
        {
            "rows": profile.rows,
            "pickups": sum(profile.days),
            "days": sum(1 for number in profile.days if number),
            "metered_trips": profile.ordinary_trips,
            "card_trips": profile.card_trips,
            "located_trips": profile.located_trips,
            "taxed_trips": profile.taxed_trips,
            "tax_bases": profile.taxed_on_tolls_alone + profile.taxed_on_tips_alone,
            "earlier_months": len(previous),
        },
    )
    facts = {
        "Rows": f"{profile.rows:,}",
        "Compared with": f"{plural(len(previous), 'month')} before it"
        if previous
        else "no month before it",
    }
    if is_synthetic:
        facts["Note"] = "Synthetic sample, not TLC's data"
    return Suite(
        suite_name(service, month),
        f"{service.label} {key} in the lake",
        frames,
        checks,
        skipped,
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
    "hvfhs_license_num": "hvfhs_license",
}
_TEXT_CODES = frozenset({"store_and_fwd_flag", "hvfhs_license_num"})


def _expanded(
    definition: Definition, service: Service, profile: Profile, lists: Lists
) -> list[Definition]:
    """The definition, or one for each code column; an empty column has no codes to be known."""
    if not definition.is_per_code:
        return [definition]
    return [
        definition.of_code(column, _WORDS[column], lists.codes[column])
        for column in CODE_COLUMNS[service]
        if profile.codes[column] or definition.measure != "codes"
    ]


def _code_frame(column: str, profile: Profile) -> Frame:
    return [
        {"key": value, column: value if column in _TEXT_CODES else int(value), "rows": n}
        for value, n in profile.codes[column].items()
    ]


def _file_measures(
    profile: Profile, published: int | None, around: int | None, lists: Lists
) -> dict[str, float | None]:
    zones, rows = Counter(profile.zones), profile.rows
    quiet = min(range(24), key=lambda start: sum(_window(profile.hours, start)))
    return {
        "share_unparseable": ratio(profile.unparseable, rows),
        "share_outside_month": ratio(profile.outside, profile.pickups),
        "quietest_hour": (quiet + 12) % 24 - 12,  # hours before midnight are negative
        "edge_hours_without_pickups": profile.empty_edge_hours,
        "empty_hours": profile.empty_hours,
        "longest_gap_hours": profile.longest_gap,
        "fare_to_full_meter": ratio(profile.ordinary_fares, profile.metered_fares),
        "share_on_meter_steps": ratio(profile.fares_on_steps, profile.ordinary_trips),
        "miles_to_map_correlation": profile.map_correlation,
        "miles_to_map_miles": ratio(profile.located_miles, profile.map_miles or None),
        "share_pickup_missing": ratio(
            rows - profile.unparseable - profile.pickups, rows - profile.unparseable
        ),
        "share_over_24_hours": ratio(profile.long_trips, rows),
        "share_over_3_hours": ratio(profile.over_three_hours, rows),
        "share_without_duration": ratio(profile.without_duration, rows),
        "share_without_miles": ratio(profile.without_miles, rows),
        "share_exact_duplicates": ratio(
            profile.compared_rows - profile.compared_trips, profile.compared_rows
        ),
        "share_distinct_trips": ratio(profile.distinct_trips, profile.compared_trips),
        "implausible_totals": profile.implausible_totals,
        "share_negative_totals": ratio(profile.negative_totals, rows),
        "share_dropoff_before_pickup": ratio(profile.backwards, rows),
        "cash_share_of_tips": ratio(profile.cash_tips, profile.tips or None),
        "card_tips_to_card_fares": ratio(profile.card_tips, profile.card_fares or None),
        "tips_to_taxed_fares": ratio(profile.tips, profile.taxed_fares or None),
        "sales_tax_to_fares": ratio(profile.sales_tax_amount, profile.taxed_amount or None),
        "share_taxed_at_rate": ratio(profile.taxed_at_rate, profile.taxed_trips or None),
        "share_taxed_on_tolls": ratio(
            profile.taxed_on_tolls_alone,
            (profile.taxed_on_tolls_alone + profile.taxed_on_tips_alone) or None,
        ),
        "share_unknown_zone": ratio(zones["264"], rows),
        "share_unknown_dropoff_zone": ratio(profile.dropoff_zones.get("264", 0), rows),
        "share_hail_zone": ratio(
            sum(number for zone, number in zones.items() if zone in lists.hail_zones), rows
        ),
        "rows_to_published": _share_of_published(rows, published),
        _WITHOUT_A_COUNT: _share_of_published(rows, around),
    }


def _smallest_around(service: Service, month: date, lists: Lists) -> int | None:
    """The smallest published row count of the service among the months around one (``neighbor_months``)."""
    around = int(read_variables()["neighbor_months"])
    place = 12 * month.year + month.month
    return min(
        (
            rows
            for (published, key), rows in lists.published.items()
            if published == service.value
            and abs(12 * int(key[:4]) + int(key[5:]) - place) <= around
        ),
        default=None,
    )


def _share_of_published(rows: int, published: int | None) -> float | None:
    """To four decimals, as every ratio; a smaller share to its first digit, because an excerpt is never 0 %."""
    share = ratio(rows, published)
    return float(f"{rows / published:.1g}") if published and not share else share


def _window(hours: Sequence[int], start: int) -> list[int]:
    return [hours[(start + number) % 24] for number in range(QUIET_HOURS)]


def _day_frame(month: date, profile: Profile) -> list[dict[str, object]]:
    typical = median_of(profile.days, 1)
    return [
        {"key": day.isoformat(), "pickups": number, "pickups_to_median_day": ratio(number, typical)}
        for day, number in zip(month_days(month), profile.days, strict=True)
    ]


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
