"""The outside behind ports: one file per vendor."""
