"""Two warehouses beside each other: rows, money and keys of each mart."""

from taxi_pipeline.comparison.two_warehouses import TableComparison, compare_warehouses

__all__ = ["TableComparison", "compare_warehouses"]
