"""Trips as events of a Kafka topic: replayed from the lake, written to the lake exactly once, published by month."""
