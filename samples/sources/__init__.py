"""The sources of the demonstration district, one module each, with one function `tell(world, dice, folder)`: it draws true
records, appends them to the world and writes the source's raw files below `folder`, spelling and dirt included."""

# A source may read what the ones before it have told.
IN_ORDER = (
    "place_register", "place_change_register", "population_register", "activity_ledger", "issue_ledger", "satisfaction_survey",
    "donation_list", "grant_ledger", "signin_platform", "case_platform", "points_ledger", "role_list", "organisation_register",
    "fund_ledger", "tally_sheet", "evaluation_sheet", "survey_register", "monthly_report",
)  # fmt: skip
