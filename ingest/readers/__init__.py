"""Readers turn the bytes of one file into a temporary table `parsed` and a table of the rows that did not fit."""
