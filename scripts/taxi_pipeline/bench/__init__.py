"""Measurements of ingestion and builds on synthetic files."""
