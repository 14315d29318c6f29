"""Writes the files that the benchmark loads: rows like those of the activity ledger, the same ones for the same number of
rows."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import duckdb

from samples.files import Sheet, write_xlsx

CHUNK = 1 << 22
PEOPLE = 50_000
WORKBOOK_ROWS = 200_000
SIGNINS_PER_FILE = 500_000
# Stands for the number of the time.
TIMES = "×"
FILES = {
    "bench_activity": "活动台账.csv",
    "bench_activity_gb18030": "活动台账_GB18030.csv",
    "bench_attendance": "签到记录.csv",
    "bench_activity_workbook": "活动台账.xlsx",
}


def one_of(number: str, *words: str) -> str:
    """SQL that picks one of the words by a number, always the same."""
    listed = ", ".join(f"'{word}'" for word in words)
    return f"([{listed}])[({number} % {len(words)})::integer + 1]"


def activities(rows: int) -> str:
    """SQL of the rows of the ledger, by the headers of the file; `i` counts from 0."""
    town = one_of("hash(i, 1)", "银杏镇", "柳河镇", "和畅街道", "青禾街道", "东湖街道", "北山镇")
    project = one_of("hash(i, 2)", "居民议事", "社区讲座", "邻里节", "健康义诊", "消防演练", "老人茶话会", "亲子活动", "志愿服务")
    return f"""
        select i + 1 as 序号, {town} as 镇街, {project} as 工作项目,
            {project} || '（第' || (hash(i, 3) % 1000 + 1) || '期）' as 活动名称,
            date '2024-10-01' + (hash(i, 4) % 730)::integer as 活动日期,
            lpad((hash(i, 5) % 12 + 8)::varchar, 2, '0') || {one_of("hash(i, 6)", ":00", ":30")} as 开始时间,
            '第' || (hash(i, 7) % 900 + 1) || '社区' as 社区, '银杏里' || (hash(i, 8) % 9000 + 1) || '号院' as 小区,
            {one_of("hash(i, 9)", "活动室", "广场", "党群服务中心", "线上会议", '二楼, 203 室')} as 地点,
            {one_of("hash(i, 10)", "社区居委会", "物业公司", "志愿者服务队", "社工站")} as 主办单位,
            {one_of("hash(i, 11)", "居民", "老年人", "儿童", "志愿者", "商户")} as 参与主体,
            (hash(i, 12) % 300)::integer as 参与人次, {one_of("hash(i, 13) // 8", "已举办", "已举办", "已举办", "取消", "延期")} as 状态
        from range({rows}) as counted (i)"""


def attendances(rows: int) -> str:
    """SQL of sign-ins: about PEOPLE people, each with a name and a phone number."""
    return f"""
        select i // 20 + 1 as 序号, timestamp '2024-10-01 08:00:00' + to_seconds((hash(i, 1) % 63072000)::bigint) as 签到时间,
            '居民' || (hash(i, 2) % {PEOPLE}) || '号' as 姓名, '199' || lpad((hash(i, 2) % {PEOPLE})::varchar, 8, '0') as 手机号,
            '第' || (hash(i, 3) % 900 + 1) || '社区' as 社区
        from range({rows}) as counted (i)"""


def write(folder: Path, rows: int, workbook_rows: int) -> None:
    """Write every file of FILES into a folder. Args: rows: of each text file. workbook_rows: of the workbook."""
    with duckdb.connect() as connection:
        for name, query in (("bench_activity", activities(rows)), ("bench_attendance", attendances(rows))):
            connection.execute(f"copy ({query} order by i) to '{folder / FILES[name]}' (header, delimiter ',')").complete()
        found = connection.execute(activities(workbook_rows) + " order by i")
        headers = [column[0] for column in found.description]
        sheet = Sheet("活动台账", [headers, *found.fetchall()])
    write_xlsx(folder / FILES["bench_activity_workbook"], [sheet])
    decode = codecs.getincrementaldecoder("utf-8")().decode
    with open(folder / FILES["bench_activity"], "rb") as utf8, open(folder / FILES["bench_activity_gb18030"], "wb") as other:
        while chunk := utf8.read(CHUNK):
            other.write(decode(chunk).encode("gb18030"))


def write_signins(folder: Path, rows: int, rows_per_file: int = SIGNINS_PER_FILE) -> None:
    """Write so many sign-ins more, as the district's platform would: those of its files in `folder`, each time by other people.

    Args: folder: holds the files of the platform, gets the new ones. rows: sign-ins in all. rows_per_file: about so many in each.
    """
    items = {}
    for path in sorted(folder.glob("*.json")):
        items |= {item["itemNo"]: item for item in json.loads(path.read_text(encoding="utf-8"))["data"]["list"]}
    others = ("rowNo", "person", "household")
    heads, signins = [], []
    for item in (item for item in items.values() if item["signIns"]):
        each = [row | {key: row[key] + TIMES for key in others if key in row} for row in item["signIns"]]
        # Its list is the last of what an item tells.
        heads.append(json.dumps(item | {"signIns": []}, ensure_ascii=False).removesuffix("]}"))
        signins.append([json.dumps(row, ensure_ascii=False) for row in each])
    once = sum(map(len, signins))
    times, times_per_file = -(-rows // once), max(1, rows_per_file // once)
    left = rows
    for start in range(0, times, times_per_file):
        written = []
        for head, of_item in zip(heads, signins, strict=True):
            numbers = range(start, min(start + times_per_file, times))
            many = [text.replace(TIMES, f"-{i}") for i in numbers for text in of_item][:left]
            left -= len(many)
            written.append(head + ", ".join(many) + "]}")
        path = folder / f"签到平台_2026-09_{start:05}.json"
        path.write_text(f'{{"code": 0, "message": "ok", "data": {{"list": [{", ".join(written)}]}}}}', encoding="utf-8")


def expected(source: str, rows: int) -> tuple[int, int]:
    """Rows and checksum that a load of a file must give, from the rows themselves and not from the file. See `checksum`."""
    # A workbook's row number is that of Excel: the header is row 1.
    row_no = "i + 2" if source == "bench_activity_workbook" else "i + 1"
    with duckdb.connect() as connection:
        if source == "bench_attendance":
            # Keys are made with the secret of the installation; the rows around them and the number of people can be told.
            query = f"select 序号, 签到时间, 社区, {row_no} from ({attendances(rows).replace('select ', 'select i, ', 1)})"
        else:
            query = activities(rows).replace(" from range", f", {row_no} from range")
        return connection.execute(checksum(query)).fetchone()


def checksum(query: str) -> str:
    """SQL of the number of rows of a query and the sum of their hashes; the order of the rows does not count."""
    return f"select count(*), sum(hash(concat_ws('|', *columns(*)))) from ({query})"
