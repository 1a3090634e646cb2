"""Edits that make a real month false as a whole, and what finds each of them; run it to write the manual's page."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PAGE = Path(__file__).resolve().parents[2] / "docs" / "data-quality-edits.md"

SHIFTED = "{{pickup}} {0} as {{pickup}}, {{dropoff}} {0} as {{dropoff}}"
DOUBLED = "fare_amount * 2 as fare_amount, total_amount + fare_amount as total_amount"
NEGATED = ", ".join(
    f"-{name} as {name}"
    for name in (
        *("fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount", "improvement_surcharge"),
        *("congestion_surcharge", "total_amount"),
    )
)


@dataclass(frozen=True)
class Found:
    """What finds an edit: the outcome and the check that names it."""

    outcome: Literal["kept out", "critical", "warning", "not detected"]
    check: str = ""

    def __str__(self) -> str:
        return f"{self.outcome}: `{self.check}`" if self.check else self.outcome


@dataclass(frozen=True)
class Edit:
    """An edit.

    Attributes:
        name: in words.
        query: the edited rows of ``{file}``, with ``{pickup}`` and ``{dropoff}`` for the columns of the times.
        whole: what finds it in a whole month (green 2024-01; of ``HVFHV_EDITS``, 40,000 made-up rows of 2025-10).
        excerpt: what finds it in 10,000 rows of a month (yellow 2019-03; of ``HVFHV_EDITS``, 1,000 of 2025-01).
    """

    name: str
    query: str
    whole: Found
    excerpt: Found


def replace_columns(columns: str) -> str:
    """The rows of the file with other values in some columns."""
    return f"select * replace ({columns}) from {{file}}"


def out(check: str) -> Found:
    """The month is kept out."""
    return Found("kept out", check)


def critical(check: str) -> Found:
    """`taxi validate` fails: the file is too small to be judged before it is loaded."""
    return Found("critical", check)


def warn(check: str) -> Found:
    """The month is loaded with a warning."""
    return Found("warning", check)


UNSEEN = Found("not detected")

EDITS = (
    Edit("a day missing", "select * from {file} where extract(day from {pickup}) <> 17",
         out("every_day_has_pickups"), warn("every_day_has_pickups")),
    Edit("the last tenth of the month missing", "select * from {file} where extract(day from {pickup}) < 29",
         out("every_day_has_pickups"), warn("every_day_has_pickups")),
    Edit("most of a day missing", "select * from {file} where extract(day from {pickup}) <> 17"
         " or extract(hour from {pickup}) = 0 and extract(minute from {pickup}) < 10",
         warn("daily_pickups_are_even"), warn("daily_pickups_are_even")),
    Edit("8 hours missing", "select * from {file} where extract(day from {pickup}) <> 17"
         " or extract(hour from {pickup}) not between 6 and 13",
         warn("busy_hours_have_pickups"), UNSEEN),
    Edit("5 % of the rows missing", "select * from {file} where hash({pickup}, total_amount) % 20 <> 0", UNSEEN, UNSEEN),
    Edit("every trip twice, the copy 1 s later", "select * from {file} union all "
         + replace_columns("{dropoff} + interval 1 second as {dropoff}"),
         out("trips_are_distinct"), out("trips_are_distinct")),
    Edit("a day twice, the copy 1 s later", "select * from {file} union all select * replace ({dropoff} + interval 1 second"
         " as {dropoff}) from {file} where extract(day from {pickup}) = 17",
         warn("few_trips_are_alike"), warn("few_trips_are_alike")),
    Edit("another month's name", replace_columns(SHIFTED.format("- interval 31 days")),
         out("pickups_are_in_the_file_month"), out("pickups_are_in_the_file_month")),
    Edit("times + 1 h", replace_columns(SHIFTED.format("+ interval 1 hour")),
         out("first_and_last_hour_have_pickups"), UNSEEN),
    Edit("times - 1 h", replace_columns(SHIFTED.format("- interval 1 hour")),
         out("first_and_last_hour_have_pickups"), UNSEEN),
    Edit("times + 5 h", replace_columns(SHIFTED.format("+ interval 5 hours")),
         out("pickup_times_are_new_york_time"), out("pickup_times_are_new_york_time")),
    Edit("times of one week + 1 h", "select * exclude (moved) replace ({pickup} + moved as {pickup}, {dropoff} + moved"
         " as {dropoff}) from (select *, case when extract(day from {pickup}) between 8 and 14 then interval 1 hour"
         " else interval 0 hour end as moved from {file})",
         warn("busy_hours_have_pickups"), UNSEEN),
    Edit("pickup and dropoff times swapped", replace_columns("{pickup} as {dropoff}, {dropoff} as {pickup}"),
         out("dropoffs_are_after_pickups"), out("dropoffs_are_after_pickups")),
    Edit("a tenth of the pickup times empty",
         replace_columns("case when hash({pickup}, total_amount) % 10 > 0 then {pickup} end as {pickup}"),
         out("pickup_times_are_present"), out("pickup_times_are_present")),
    Edit("19 of 20 dropoffs 25 h later", replace_columns("{dropoff} + case when hash({pickup}, total_amount) % 20 > 0"
         " then interval 25 hours else interval 0 hours end as {dropoff}"),
         out("trips_are_shorter_than_a_day"), out("trips_are_shorter_than_a_day")),
    Edit("dropoffs 5 h later", replace_columns("{dropoff} + interval 5 hours as {dropoff}"),
         out("most_trips_are_shorter_than_three_hours"), out("most_trips_are_shorter_than_three_hours")),
    Edit("every dropoff at the pickup", replace_columns("{pickup} as {dropoff}"),
         out("trips_take_time"), out("trips_take_time")),
    Edit("half of the rows, each three times",
         "select trips.* from {file} as trips, range(3) where hash({pickup}, total_amount) % 2 = 0",
         out("rows_are_not_repeated"), out("rows_are_not_repeated")),
    Edit("all money negated", replace_columns(NEGATED), out("totals_are_positive"), out("totals_are_positive")),
    Edit("fares doubled", replace_columns(DOUBLED), out("fares_match_the_meter"), out("fares_match_the_meter")),
    Edit("fares in cents", replace_columns("fare_amount * 100 as fare_amount"),
         out("fares_match_the_meter"), out("fares_match_the_meter")),
    Edit("fares + 5 %", replace_columns("fare_amount * 1.05 as fare_amount, total_amount + fare_amount * 0.05 as total_amount"),
         out("fares_are_multiples_of_the_meter_step"), out("fares_are_multiples_of_the_meter_step")),
    Edit("miles x 10", replace_columns("trip_distance * 10 as trip_distance"),
         out("fares_match_the_meter"), out("fares_match_the_meter")),
    Edit("miles 0", replace_columns("0.0 as trip_distance"),
         out("trips_have_a_distance"), out("trips_have_a_distance")),
    Edit("miles in kilometers", replace_columns("trip_distance * 1.609344 as trip_distance"),
         out("miles_are_those_of_the_map"), out("miles_are_those_of_the_map")),
    Edit("tips and tolls swapped", replace_columns("tip_amount as tolls_amount, tolls_amount as tip_amount"),
         out("card_tip_rate_is_typical"), out("card_tip_rate_is_typical")),
    Edit("tips doubled", replace_columns("2 * tip_amount as tip_amount, total_amount + tip_amount as total_amount"),
         out("card_tip_rate_is_typical"), out("card_tip_rate_is_typical")),
    Edit("tips 0", replace_columns("0.0 as tip_amount"),
         out("card_tip_rate_is_typical"), out("card_tip_rate_is_typical")),
    Edit("payment types 1 and 2 swapped",
         replace_columns("case payment_type when 1 then 2 when 2 then 1 else payment_type end as payment_type"),
         out("cash_trips_have_no_tips"), out("cash_trips_have_no_tips")),
    Edit("totals doubled", replace_columns("2 * total_amount as total_amount"), UNSEEN, UNSEEN),
    Edit("a total of 10 billion dollars", replace_columns(
         "case when row_number() over () = 7 then 9999999999.99 else total_amount end as total_amount"),
         warn("no_total_is_beyond_any_fare"), warn("no_total_is_beyond_any_fare")),
    Edit("a fare of 10 billion dollars, and a tip of a million", replace_columns(
         "case when row_number() over () = 7 then 9999999999.99 else fare_amount end as fare_amount,"
         " case when row_number() over () = 8 then 999999.99 else tip_amount end as tip_amount"), UNSEEN, UNSEEN),
    Edit("a new payment type", replace_columns(
         "case when hash({pickup}, total_amount) % 100 = 0 then 8 else payment_type end as payment_type"),
         warn("every_payment_type_is_known"), warn("every_payment_type_is_known")),
    Edit("a new vendor", replace_columns("case when VendorID = 1 then 9 else VendorID end as VendorID"),
         warn("every_vendor_is_known"), warn("every_vendor_is_known")),
    Edit("a vendor missing", "select * from {file} where VendorID is distinct from 1", UNSEEN, UNSEEN),
    Edit("vendors swapped", replace_columns("case VendorID when 1 then 2 when 2 then 1 else VendorID end as VendorID"),
         UNSEEN, UNSEEN),
    Edit("passengers 0", replace_columns("0 as passenger_count"), UNSEEN, UNSEEN),
    Edit("zones + 1", replace_columns(
         "PULocationID % 263 + 1 as PULocationID, DOLocationID % 263 + 1 as DOLocationID"),
         out("distances_match_the_zones"), out("distances_match_the_zones")),
    Edit("pickup zones shuffled among rows", "select one.* replace (other.PULocationID as PULocationID) "
         "from (select *, row_number() over () as n from {file}) as one "
         "inner join (select PULocationID, row_number() over (order by hash(rowid)) as n from "
         "(select PULocationID, row_number() over () as rowid from {file})) as other using (n)",
         out("distances_match_the_zones"), out("distances_match_the_zones")),
    Edit("pickup and dropoff zones swapped", replace_columns("PULocationID as DOLocationID, DOLocationID as PULocationID"),
         warn("green_pickups_are_outside_the_yellow_zone"), UNSEEN),
    Edit("pickup zones empty", replace_columns("null as PULocationID"),
         out("most_pickup_zones_are_known"), out("most_pickup_zones_are_known")),
    Edit("dropoff zones empty", replace_columns("null as DOLocationID"),
         out("most_dropoff_zones_are_known"), out("most_dropoff_zones_are_known")),
    Edit("a fifth of the pickup zones unknown", replace_columns(
         "case when hash({pickup}, total_amount) % 5 = 0 then 264 else PULocationID end as PULocationID"),
         warn("few_pickup_zones_are_unknown"), warn("few_pickup_zones_are_unknown")),
)  # fmt: skip


_PAID_BY_RIDERS = (
    *("base_passenger_fare", "tolls", "bcf", "sales_tax", "congestion_surcharge", "airport_fee"),
    *("cbd_congestion_fee", "tips", "driver_pay"),
)


def _exchanged(one: str, other: str) -> str:
    return replace_columns(f"{one} as {other}, {other} as {one}")


HVFHV_EDITS = (
    Edit("a day missing", "select * from {file} where extract(day from {pickup}) <> 17",
         out("every_day_has_pickups"), UNSEEN),
    Edit("every row twice", "select trips.* from {file} as trips, range(2)",
         out("rows_are_not_repeated"), warn("rows_are_not_repeated")),
    Edit("every trip twice, the copy 1 s later", "select * from {file} union all "
         + replace_columns("{dropoff} + interval 1 second as {dropoff}"),
         out("trips_are_distinct"), warn("trips_are_distinct")),
    Edit("another month's name", replace_columns(SHIFTED.format("- interval 31 days")),
         out("pickups_are_in_the_file_month"), critical("pickups_are_in_the_file_month")),
    Edit("times + 1 h", replace_columns(SHIFTED.format("+ interval 1 hour")),
         out("first_and_last_hour_have_pickups"), UNSEEN),
    Edit("times - 1 h", replace_columns(SHIFTED.format("- interval 1 hour")),
         out("first_and_last_hour_have_pickups"), critical("pickups_are_in_the_file_month")),
    Edit("times + 5 h", replace_columns(SHIFTED.format("+ interval 5 hours")),
         out("pickup_times_are_new_york_time"), UNSEEN),
    Edit("pickup and dropoff times swapped", replace_columns("{pickup} as {dropoff}, {dropoff} as {pickup}"),
         out("dropoffs_are_after_pickups"), warn("dropoffs_are_after_pickups")),
    Edit("all money negated", replace_columns(", ".join(f"-{name} as {name}" for name in _PAID_BY_RIDERS)),
         out("totals_are_positive"), warn("totals_are_positive")),
    Edit("tips and tolls swapped", _exchanged("tips", "tolls"),
         out("sales_tax_is_on_tolls_and_not_on_tips"), warn("sales_tax_is_on_tolls_and_not_on_tips")),
    Edit("sales tax and Black Car Fund swapped", _exchanged("sales_tax", "bcf"),
         out("sales_tax_matches_the_fares"), warn("sales_tax_matches_the_fares")),
    Edit("fare and driver pay swapped", _exchanged("base_passenger_fare", "driver_pay"),
         out("sales_tax_is_the_rate_of_each_fare"), warn("sales_tax_is_the_rate_of_each_fare")),
    Edit("fares doubled", replace_columns("2 * base_passenger_fare as base_passenger_fare"),
         out("sales_tax_matches_the_fares"), warn("sales_tax_matches_the_fares")),
    Edit("fares in cents", replace_columns("100 * base_passenger_fare as base_passenger_fare"),
         out("sales_tax_matches_the_fares"), warn("sales_tax_matches_the_fares")),
    Edit("fares + 5 %", replace_columns("1.05 * base_passenger_fare as base_passenger_fare"),
         out("sales_tax_is_the_rate_of_each_fare"), warn("sales_tax_is_the_rate_of_each_fare")),
    Edit("a fare of 10 million dollars", replace_columns(
         "case when row_number() over () = 7 then 9999999.99 else base_passenger_fare end as base_passenger_fare"),
         warn("no_total_is_beyond_any_fare"), warn("no_total_is_beyond_any_fare")),
    Edit("tips doubled", replace_columns("2 * tips as tips"), UNSEEN, warn("tip_rate_is_typical")),
    Edit("tips x 3", replace_columns("3 * tips as tips"), out("tip_rate_is_typical"), warn("tip_rate_is_typical")),
    Edit("tips 0", replace_columns("0.0 as tips"), out("tip_rate_is_typical"), warn("tip_rate_is_typical")),
    Edit("a new license", replace_columns(
         "case when hvfhs_license_num = 'HV0005' then 'HV0006' else hvfhs_license_num end as hvfhs_license_num"),
         warn("every_hvfhs_license_is_known"), warn("every_hvfhs_license_is_known")),
    Edit("a company missing", "select * from {file} where hvfhs_license_num <> 'HV0005'", UNSEEN, UNSEEN),
    Edit("miles in kilometers", replace_columns("trip_miles * 1.609344 as trip_miles"),
         out("miles_are_those_of_the_map"), warn("miles_are_those_of_the_map")),
    Edit("zones + 1", replace_columns(
         "PULocationID % 263 + 1 as PULocationID, DOLocationID % 263 + 1 as DOLocationID"),
         out("distances_match_the_zones"), warn("distances_match_the_zones")),
)  # fmt: skip
"""Edits of HVFHV."""


def query_of(name: str) -> str:
    """The query of an edit."""
    return next(edit.query for edit in EDITS if edit.name == name)


@dataclass(frozen=True)
class LateEdit:
    """An edit that ingestion does not detect.

    Attributes:
        name: in words.
        source: the real file that is edited.
        query: as in ``Edit``.
        test: the data test of the build that finds it.
        outcome: how that test ends.
        failing: which of the rows that the test keeps are beyond its bound.
    """

    name: str
    source: str
    query: str
    test: str
    outcome: Literal["the build fails", "a warning"]
    failing: str = "true"


_FARES = "assert_unexplained_fares_stay_below_their_threshold"
_BEYOND = "unexplained_basis_points > 100"
_CUT = "assert_no_loaded_file_is_cut_off"
LATE_EDITS = (
    LateEdit("5 % of the rows missing", "green_tripdata_2024-01.parquet", query_of("5 % of the rows missing"), _CUT, "the build fails"),
    LateEdit("totals doubled", "yellow_tripdata_2019-03.csv", query_of("totals doubled"), _FARES, "the build fails", _BEYOND),
    LateEdit("vendors swapped", "yellow_tripdata_2019-11.csv", query_of("vendors swapped"), _FARES, "the build fails", _BEYOND),
    LateEdit("congestion surcharge doubled", "yellow_tripdata_2019-06.csv",
             replace_columns("2 * congestion_surcharge as congestion_surcharge"), _FARES, "the build fails", _BEYOND),
)  # fmt: skip
"""Each in a month of its own, so that one build finds all."""


def edited(query: str, path: Path) -> str:
    """The query over a file of trips of a service other than FHV."""
    reader = "read_parquet" if path.suffix == ".parquet" else "read_csv"
    prefix = {"green": "lpep_", "yellow": "tpep_"}.get(path.name.partition("_")[0], "")
    return query.format(
        file=f"{reader}('{path}')",
        pickup=f"{prefix}pickup_datetime",
        dropoff=f"{prefix}dropoff_datetime",
    )


_HEAD = """# Edits that are detected

A month can be false as a whole although every row looks right. The table lists edits of a real month, and what finds each: in a whole month (green 2024-01, 56,551 rows) and in an excerpt (10,000 rows of yellow 2019-03). "Kept out" means that ingestion refuses the month. Warnings come from ingestion, and for files of fewer than 10,000 rows from `taxi validate`. A test makes every edit; this page is written from its list.

| edit | whole month | excerpt |
|---|---|---|
"""

_LATE_HEAD = """
Some of what ingestion does not detect is found by a test of the build:

| edit | outcome | test |
|---|---|---|
"""

_HVFHV_HEAD = """
For HVFHV, of which no whole month is at hand, a made-up one stands in (40,000 rows of 2025-10). The excerpt is real: the first 1,000 rows of 2025-01, all of the first hour of the month. It is too small to be kept out, so `taxi validate` judges it. The tips of the made-up month are 3.0 % of its fares, those of real months since 2021-05 3.3 to 4.9 %:

| edit | whole month | excerpt |
|---|---|---|
"""

_TAIL = """
An excerpt has no published count and too few rows for each hour, so less is found in it. The dashboard and the exports say which months are excerpts.
"""


def render() -> str:
    """The manual's page."""
    rows = "".join(f"| {edit.name} | {edit.whole} | {edit.excerpt} |\n" for edit in EDITS)
    hvfhv = "".join(f"| {edit.name} | {edit.whole} | {edit.excerpt} |\n" for edit in HVFHV_EDITS)
    late = "".join(f"| {edit.name} | {edit.outcome} | `{edit.test}` |\n" for edit in LATE_EDITS)
    return _HEAD + rows + _LATE_HEAD + late + _HVFHV_HEAD + hvfhv + _TAIL


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
