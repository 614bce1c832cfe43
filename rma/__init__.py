"""The returns and exchange engine."""
