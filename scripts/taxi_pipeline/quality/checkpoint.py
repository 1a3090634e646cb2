"""The checkpoint: Great Expectations judges a suite, frame by frame."""

import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from taxi_pipeline.lake import utc_now
from taxi_pipeline.quality.checks import Check, Frame, Outcome, Suite, Verdict

_SHOWN = 6


def run_checkpoint(suite: Suite) -> Verdict:
    """Run the checks of a suite; nothing is stored and nothing is sent anywhere."""
    outcomes = [
        outcome
        for name, frame in suite.frames.items()
        if (checks := [check for check in suite.checks if check.frame == name])
        for outcome in _judge_frame(f"{suite.name}-{name}", frame, checks)
    ]
    return Verdict(
        suite.name,
        suite.title,
        suite.fingerprint,
        utc_now(),
        tuple(outcomes),
        tuple(suite.skipped),
        suite.facts,
    )


def _judge_frame(name: str, frame: Frame, checks: Sequence[Check]) -> Iterator[Outcome]:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    # 5 s, which a command without anything new to judge need not wait for.
    import great_expectations as gx  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415
    from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415
    from great_expectations.expectations.metadata_types import FailureSeverity  # noqa: PLC0415

    for logger in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(logger).setLevel(
            logging.ERROR
        )  # the latter tells of a folder it does not use
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    batch = (
        context.data_sources.add_pandas(name)
        .add_dataframe_asset(name)
        .add_batch_definition_whole_dataframe(name)
    )
    suite = context.suites.add(
        gx.ExpectationSuite(
            name=name,
            expectations=[
                {
                    "type": check.expectation,
                    "kwargs": {"column": check.column, **check.arguments},
                    "severity": check.severity,
                    "meta": {"number": number, "name": check.name},
                }
                for number, check in enumerate(checks)
            ],
        )
    )
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(name=name, data=batch, suite=suite)
    )
    checkpoint = gx.Checkpoint(
        name=name,
        validation_definitions=[definition],
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["key"]},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = checkpoint.run(
            batch_parameters={"dataframe": pd.DataFrame([dict(row) for row in frame])}
        )
    for validation in run.run_results.values():
        for result in validation.results:
            if result.exception_info.get("raised_exception"):
                raise RuntimeError(f"{name}: {result.exception_info['exception_message']}")
            config = result.expectation_config
            if config is None or config.meta is None:
                raise AssertionError(result)
            severity = config.severity or FailureSeverity.CRITICAL
            yield _outcome(checks[config.meta["number"]], severity.value, frame, result.result)


def _outcome(check: Check, severity: str, frame: Frame, found: Mapping[str, Any]) -> Outcome:
    rows = found["element_count"] - found["missing_count"]
    if rows == 0:
        # A measure that nothing is known of has not been looked at: that is no pass.
        return Outcome(check, False, severity, "nothing", 0)
    passed = not found["unexpected_count"]
    return Outcome(check, passed, severity, _observed(check, frame, found, rows), rows)


def _observed(check: Check, frame: Frame, found: Mapping[str, Any], rows: int) -> str:
    """What was found: the rows at fault, or the value or the range of all."""
    if wrong := found["unexpected_index_list"]:
        shown = ", ".join(
            str(row["key"])
            if str(row["key"]) == str(row[check.column])
            else f"{row['key']}: {_plain(row[check.column])}"
            for row in wrong[:_SHOWN]
        )
        if rows == 1:
            return _plain(wrong[0][check.column])
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        return f"{len(wrong)} of {rows}: {shown}{more}"
    values = [row[check.column] for row in frame if row[check.column] is not None]
    if rows == 1:
        return _plain(values[0])
    if "value_set" in check.arguments:
        return f"{', '.join(sorted(map(_plain, set(values))))}"
    return f"{_plain(min(values))} to {_plain(max(values))} in {rows} rows"


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    number = float(value)
    return f"{number:,.0f}" if number.is_integer() else f"{number:,.4g}"
