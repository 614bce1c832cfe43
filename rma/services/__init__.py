"""Use cases: one file per capability; transition.py is the one door to state."""
