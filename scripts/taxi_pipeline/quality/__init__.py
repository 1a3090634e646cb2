"""What the data are expected to look like: suites, the checkpoint that judges them, the pages that show it.

dbt tests hold rules that are true or false of a table by itself. These expectations hold what takes a memory
or a scale: a month against the months before it, a day against its weekday, fares against TLC's tariff,
zones against the map. SQL adds up, Great Expectations judges.
"""
