"""From bytes to raw tables: declarations, landing, loading, quarantine, privacy, and the opener of the warehouse."""
