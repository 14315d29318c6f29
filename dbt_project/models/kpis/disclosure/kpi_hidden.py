import os

import pandas
from dbt.flags import get_flags

from expectations.suppression import choose, table_of


def model(dbt, session):
    cells = dbt.ref("kpi_cell").order("cell_no").project("amount, whole, hides_zero, is_shown, exposed_count").fetchall()
    parts = dbt.ref("kpi_cell_part").project("whole_no, relation, part_no, is_exact").order("all").fetchall()
    amounts, whole, hides_zero, is_shown, exposed = (list(column) for column in zip(*cells)) if cells else ([],) * 5
    earlier = {} if get_flags().FULL_REFRESH else chosen_before(dbt.this, session)
    rows, inside = [], []
    for audience, k in (("internal", dbt.config.get("suppression_k")), ("public", dbt.config.get("suppression_k_public"))):
        table = table_of(amounts, whole, hides_zero, is_shown, parts, k)
        # What the public sees is seen inside too: else the two copies together would tell more than each.
        choices = choose(table, exposed, is_shown, k, already=inside, earlier=earlier, threads=os.cpu_count() or 1)
        chosen = {
            cell: (choice.digest, place) for choice in choices for cell, place in zip(choice.cells, choice.places, strict=True)
        }
        rows += [(audience, cell, *chosen.get(cell, (None, None))) for cell in sorted({*inside, *chosen})]
        inside = list(chosen)
    return pandas.DataFrame(rows, columns=["audience", "cell_no", "block_digest", "block_place"]).astype(
        {"audience": "str", "cell_no": "int64", "block_digest": "str", "block_place": "Int64"}
    )


def chosen_before(this, session):
    """Digest of a block → places of its hidden cells, as the build before has left them."""
    columns = session.execute(
        "select column_name from duckdb_columns() where database_name = ? and schema_name = ? and table_name = ?",
        [this.database, this.schema, this.identifier],
    ).fetchall()
    if ("block_place",) not in columns:
        return {}
    return dict(
        session.execute(
            f"select block_digest, list(distinct block_place) from {this} where block_digest is not null group by block_digest"
        ).fetchall()
    )
