import pandas

from expectations.disclosure import given_away
from expectations.suppression import table_of


def model(dbt, session):
    cells = dbt.ref("kpi_cell").order("cell_no").project("amount, whole, hides_zero, is_shown, exposed_count").fetchall()
    parts = dbt.ref("kpi_cell_part").project("whole_no, relation, part_no, is_exact").order("all").fetchall()
    shown, must_hide = {"internal": set(), "public": set()}, {"internal": set(), "public": set()}
    for audience, cell in dbt.ref("kpi_cell_shown").project("audience, cell_no").fetchall():
        shown[audience].add(cell)
    for audience, cell in dbt.ref("kpi_hidden").project("audience, cell_no").fetchall():
        must_hide[audience].add(cell)
    amounts, whole, hides_zero, is_published, exposed = (list(column) for column in zip(*cells)) if cells else ([],) * 5
    rows = []
    for audience, k in (("internal", dbt.config.get("suppression_k")), ("public", dbt.config.get("suppression_k_public"))):
        # Which counts are small is read from the counts and not from those who chose what to hide.
        must_hide[audience] |= {cell for cell, count in enumerate(exposed) if count is not None and count < k}
        table = table_of(amounts, whole, hides_zero, is_published, parts, k)
        found = given_away(table, set(range(len(cells))) - shown[audience]) & must_hide[audience]
        rows += [(audience, cell, "worked out") for cell in sorted(found)]
        rows += [(audience, cell, "shown") for cell in sorted(must_hide[audience] & shown[audience])]
    return pandas.DataFrame(rows, columns=["audience", "cell_no", "how"]).astype(
        {"audience": "str", "cell_no": "int64", "how": "str"}
    )
