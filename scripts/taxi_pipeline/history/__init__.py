"""The records of runs: what each did, when, with what, and how it ended. In the warehouse's schema `ops`."""
