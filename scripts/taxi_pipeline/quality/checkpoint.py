"""The checkpoint: Great Expectations judges a suite, all its frames in one run."""

import itertools
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from taxi_pipeline.lake import utc_now
from taxi_pipeline.quality.checks import Check, Frame, Outcome, Suite, Verdict
from taxi_pipeline.quality.great_expectations_import import great_expectations

_SHOWN = 6
_KEY = "key"
_numbers = itertools.count()  # a context takes a name once, and a suite may be judged again


def run_checkpoint(suite: Suite) -> Verdict:
    """Run the checks of a suite; nothing is stored on disk and nothing is sent anywhere."""
    checks = [check for name in suite.frames for check in suite.checks if check.frame == name]
    return Verdict(
        suite.name,
        suite.title,
        suite.fingerprint,
        utc_now(),
        tuple(_judge(suite, checks) if checks else ()),
        tuple(suite.skipped),
        suite.facts,
    )


@cache
def _open_context() -> tuple[Any, Any]:
    """A context and the batch that takes the measures: one for every suite, since both take time to make."""
    gx = great_expectations()
    from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("measures").add_dataframe_asset("measures")
    return context, asset.add_batch_definition_whole_dataframe("measures")


def _column(frame: str, column: str) -> str:
    return f"{frame}.{column}"


def _judge(suite: Suite, checks: Sequence[Check]) -> list[Outcome]:
    """Judge all frames as one table: a check sees its own column, and rows of other frames have no value there."""
    gx = great_expectations()
    import pandas as pd  # noqa: PLC0415 - comes with Great Expectations
    from great_expectations.expectations.metadata_types import FailureSeverity  # noqa: PLC0415

    context, batch = _open_context()
    name = f"{suite.name}-{next(_numbers)}"
    expectations = context.suites.add(
        gx.ExpectationSuite(
            name=name,
            expectations=[
                {
                    "type": check.expectation,
                    "kwargs": {"column": _column(check.frame, check.column), **check.arguments},
                    "severity": check.severity,
                    "meta": {"number": number, "name": check.name},
                }
                for number, check in enumerate(checks)
            ],
        )
    )
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(name=name, data=batch, suite=expectations)
    )
    checkpoint = gx.Checkpoint(
        name=name,
        validation_definitions=[definition],
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [_KEY]},
    )
    columns = dict.fromkeys(_column(check.frame, check.column) for check in checks)
    rows = [
        {_KEY: row[_KEY], **{_column(frame, name): value for name, value in row.items()}}
        for frame, measures in suite.frames.items()
        for row in measures
    ]
    # As objects: beside a missing value a whole number would become a fraction.
    table = pd.DataFrame(rows, columns=[_KEY, *columns], dtype=object)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = checkpoint.run(batch_parameters={"dataframe": table})
    outcomes = []
    for validation in run.run_results.values():
        for result in validation.results:
            if result.exception_info.get("raised_exception"):
                raise RuntimeError(f"{suite.name}: {result.exception_info['exception_message']}")
            config = result.expectation_config
            if config is None or config.meta is None:
                raise AssertionError(result)
            check = checks[config.meta["number"]]
            severity = config.severity or FailureSeverity.CRITICAL
            outcomes.append(
                _outcome(check, severity.value, suite.frames[check.frame], result.result)
            )
    return outcomes


def _outcome(check: Check, severity: str, frame: Frame, found: Mapping[str, Any]) -> Outcome:
    rows = found["element_count"] - found["missing_count"]  # other frames' rows are missing here
    if rows == 0:
        # A measure that nothing is known of has not been looked at: that is no pass.
        return Outcome(check, False, severity, "no value", 0)
    passed = not found["unexpected_count"]
    return Outcome(check, passed, severity, _observed(check, frame, found, rows), rows)


def _observed(check: Check, frame: Frame, found: Mapping[str, Any], rows: int) -> str:
    """What was found: the rows at fault, or the value or the range of all."""
    column = _column(check.frame, check.column)
    if wrong := found["unexpected_index_list"]:
        if rows == 1:
            return check.show(wrong[0][column])
        shown = ", ".join(
            str(row[_KEY])
            if str(row[_KEY]) == str(row[column])
            else f"{row[_KEY]}: {check.show(row[column])}"
            for row in wrong[:_SHOWN]
        )
        more = f", and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        return f"{len(wrong)} of {rows} {check.frame} out of range ({shown}{more})"
    values = [row[check.column] for row in frame if row[check.column] is not None]
    if rows == 1:
        return check.show(values[0])
    if "value_set" in check.arguments:
        return ", ".join(sorted(map(check.show, set(values))))
    return f"{check.show(min(values))} to {check.show(max(values))} in {rows} {check.frame}"
