"""The sources of the demonstration district, one module each, with one function `tell(world, dice, folder)`: it draws true
records, appends them to the world and writes the source's raw files below `folder`, spelling and dirt included."""

# A source may read what the ones before it have told.
IN_ORDER = ("place_register", "place_change_register", "population_register", "activity_ledger", "issue_ledger",
            "satisfaction_survey", "donation_list", "grant_ledger")
