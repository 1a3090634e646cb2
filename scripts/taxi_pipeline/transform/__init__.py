"""dbt, driven in this process, and what its tables say of a build: state, completeness, totals."""
