"""What tools of business intelligence read: LookML, workbooks, CSV and Parquet files."""
