"""The parts of a declaration: how a source arrives, and how its files are laid out."""
