import pandas

from expectations.disclosure import given_away
from expectations.suppression import table_of


def model(dbt, session):
    dbt.config(materialized="table")
    cells = dbt.ref("kpi_cell").order("cell_no").project("amount, whole, hides_zero, is_additive, is_shown, exposed_count").fetchall()
    parts = dbt.ref("kpi_cell_part").project("whole_no, relation, part_no").order("all").fetchall()
    shown = {"internal": set(), "public": set()}
    for audience, cell in dbt.ref("kpi_cell_shown").project("audience, cell_no").fetchall():
        shown[audience].add(cell)
    amounts, whole, hides_zero, is_additive, is_published, exposed = (list(column) for column in zip(*cells)) if cells else ([],) * 6
    rows = []
    for audience, k in (("internal", dbt.config.get("suppression_k")), ("public", dbt.config.get("suppression_k_public"))):
        hidden = set(range(len(cells))) - shown[audience]
        small = {cell for cell, count in enumerate(exposed) if count is not None and count < k}
        table = table_of(amounts, whole, hides_zero, is_additive, is_published, parts, k)
        found = {cell for cell in given_away(table, hidden) if is_published[cell] or cell in small}
        rows += [(audience, cell, "worked out") for cell in sorted(found)]
        rows += [(audience, cell, "shown") for cell in sorted(small & shown[audience])]
    return pandas.DataFrame(rows, columns=["audience", "cell_no", "how"]).astype(
        {"audience": "str", "cell_no": "int64", "how": "str"}
    )
