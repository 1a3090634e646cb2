"""Versions of a month: what the newest one changed in the one before."""
