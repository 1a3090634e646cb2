"""``python -m taxi_pipeline`` is the ``taxi`` command."""

from taxi_pipeline.cli import main

main()
