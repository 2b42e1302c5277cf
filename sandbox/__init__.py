"""The practice range: a whole little world on one machine, reached through the protocols of production."""
