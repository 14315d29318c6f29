import pandas

from expectations.suppression import hide, table_of


def model(dbt, session):
    cells = dbt.ref("kpi_cell").order("cell_no").project("amount, whole, hides_zero, is_shown, exposed_count").fetchall()
    parts = dbt.ref("kpi_cell_part").project("whole_no, relation, part_no, is_exact").order("all").fetchall()
    amounts, whole, hides_zero, is_shown, exposed = (list(column) for column in zip(*cells)) if cells else ([],) * 5
    hidden = {}
    for audience, k in (("internal", dbt.config.get("suppression_k")), ("public", dbt.config.get("suppression_k_public"))):
        table = table_of(amounts, whole, hides_zero, is_shown, parts, k)
        # What the public sees is seen inside too: else the two copies together would tell more than each.
        hidden[audience] = hide(table, exposed, is_shown, k, already=hidden.get("internal", ()))
    rows = [(audience, cell) for audience, cells in hidden.items() for cell in sorted(cells)]
    return pandas.DataFrame(rows, columns=["audience", "cell_no"]).astype({"audience": "str", "cell_no": "int64"})
