"""Faults put into real data, one for each thing that the gates are there for; each must be caught by the check that is for it."""
