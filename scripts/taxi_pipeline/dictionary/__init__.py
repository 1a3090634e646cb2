"""The rules in words, written from the seeds that name them."""
