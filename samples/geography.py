"""The places of the invented district 青禾区 (Qinghe District) over two years, with their boundary changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from samples.world import Place, PlaceChange

DISTRICT = "990101"
YUNXI, HETANG, LIUWAN = "990101101", "990101001", "990101102"
HECHANG, TONGHUA, WANGXI = f"{YUNXI}001", f"{YUNXI}002", f"{YUNXI}003"
DAOXIANG, JINTANG, HEXIN = f"{HETANG}001", f"{HETANG}002", f"{HETANG}003"
LIUAN, SHIQIAO, DUKOU, SHIDU, LIUAN_EAST, LIUAN_WEST = (f"{LIUWAN}00{number}" for number in range(1, 7))

RENAMED, MERGED, TRANSFERRED = date(2025, 4, 1), date(2025, 7, 1), date(2025, 10, 1)
SPLIT, ESTATE_MOVED = date(2026, 1, 1), date(2026, 4, 1)
COMMUNITIES_AT_FIRST = 9

CHANGES = [
    PlaceChange("BG2025-01", HEXIN, HEXIN, "rename", RENAMED),
    PlaceChange("BG2025-02", SHIQIAO, SHIDU, "merge", MERGED),
    PlaceChange("BG2025-02", DUKOU, SHIDU, "merge", MERGED),
    PlaceChange("BG2025-03", WANGXI, WANGXI, "transfer", TRANSFERRED),
    PlaceChange("BG2026-01", LIUAN, LIUAN_EAST, "split", SPLIT),
    PlaceChange("BG2026-01", LIUAN, LIUAN_WEST, "split", SPLIT),
    PlaceChange("BG2026-02", "XQ0010", "XQ0010", "transfer", ESTATE_MOVED),
]


@dataclass(frozen=True)
class Entry:
    """One row of the register: a version of a place, its type (类型) in the register's words, and its English name."""

    place: Place
    type: str
    name_en: str


TOWNS = [
    ("district", DISTRICT, "青禾区", None, "市辖区", "Qinghe District", None, None),
    ("town", YUNXI, "云溪镇", DISTRICT, "镇", "Yunxi Town", None, None),
    ("town", HETANG, "禾塘街道", DISTRICT, "街道", "Hetang Subdistrict", None, None),
    ("town", LIUWAN, "柳湾镇", DISTRICT, "镇", "Liuwan Town", None, None),
]
COMMUNITIES = [  # level, code, name, parent, type, English name, valid from, valid to
    ("community", HECHANG, "和畅社区", YUNXI, "城市社区", "Hechang Community", None, None),
    ("community", TONGHUA, "桐花社区", YUNXI, "城市社区", "Tonghua Community", None, None),
    ("community", WANGXI, "望溪社区", YUNXI, "城市社区", "Wangxi Community", None, TRANSFERRED),
    ("community", WANGXI, "望溪社区", LIUWAN, "城市社区", "Wangxi Community", TRANSFERRED, None),
    ("community", DAOXIANG, "稻香社区", HETANG, "城市社区", "Daoxiang Community", None, None),
    ("community", JINTANG, "锦塘社区", HETANG, "城市社区", "Jintang Community", None, None),
    ("community", HEXIN, "禾香社区", HETANG, "城市社区", "Hexiang Community", None, RENAMED),
    ("community", HEXIN, "禾新社区", HETANG, "城市社区", "Hexin Community", RENAMED, None),
    ("community", LIUAN, "柳岸社区", LIUWAN, "城市社区", "Liu'an Community", None, SPLIT),
    ("community", LIUAN_EAST, "柳岸东社区", LIUWAN, "城市社区", "Liu'an East Community", SPLIT, None),
    ("community", LIUAN_WEST, "柳岸西社区", LIUWAN, "城市社区", "Liu'an West Community", SPLIT, None),
    ("community", SHIQIAO, "石桥村", LIUWAN, "村", "Shiqiao Village", None, MERGED),
    ("community", DUKOU, "渡口村", LIUWAN, "村", "Dukou Village", None, MERGED),
    ("community", SHIDU, "石渡社区", LIUWAN, "城市社区", "Shidu Community", MERGED, None),
]
# Where what stood in a community at first has stood since: parent, valid from, valid to.
SINCE = {
    SHIQIAO: [(SHIQIAO, None, MERGED), (SHIDU, MERGED, None)],
    DUKOU: [(DUKOU, None, MERGED), (SHIDU, MERGED, None)],
    LIUAN_EAST: [(LIUAN, None, SPLIT), (LIUAN_EAST, SPLIT, None)],
    LIUAN_WEST: [(LIUAN, None, SPLIT), (LIUAN_WEST, SPLIT, None)],
    "moved": [(JINTANG, None, ESTATE_MOVED), (TONGHUA, ESTATE_MOVED, None)],
}
ESTATES = [  # name, where, type, English name, buildings in the register; numbered in this order
    ("和畅花园", HECHANG, "商品房小区", "Hechang Garden", 3),
    ("银杏里", HECHANG, "老旧小区", "Yinxingli", 2),
    ("桐花苑", TONGHUA, "商品房小区", "Tonghua Court", 2),
    ("幸福里", TONGHUA, "老旧小区", "Xingfuli (Tonghua)", 0),
    ("望溪雅居", WANGXI, "拆迁安置小区", "Wangxi Residence", 2),
    ("稻香名邸", DAOXIANG, "商品房小区", "Daoxiang Mansion", 3),
    ("丰禾苑", DAOXIANG, "拆迁安置小区", "Fenghe Court", 0),
    ("锦塘湾", JINTANG, "商品房小区", "Jintang Bay", 2),
    ("幸福里", JINTANG, "单位宿舍院落", "Xingfuli (Jintang)", 0),  # the same name in two communities
    ("河畔新居", "moved", "商品房小区", "Riverside New Homes", 0),
    ("禾香苑", HEXIN, "老旧小区", "Hexiang Court", 2),
    ("翠湖居", HEXIN, "商品房小区", "Cuihu Residence", 0),
    ("柳岸花园", LIUAN_EAST, "商品房小区", "Liu'an Garden", 2),
    ("杨柳新村", LIUAN_EAST, "拆迁安置小区", "Yangliu New Village", 0),
    ("柳岸公寓", LIUAN_WEST, "商品房小区", "Liu'an Apartments", 2),
    ("西岸里", LIUAN_WEST, "老旧小区", "Xi'anli", 0),
    ("石桥苑", SHIQIAO, "拆迁安置小区", "Shiqiao Court", 1),
    ("石桥老街", SHIQIAO, "老旧小区", "Shiqiao Old Street", 0),
    ("渡口新村", DUKOU, "拆迁安置小区", "Dukou New Village", 1),
    ("望溪老街", WANGXI, "老旧小区", "Wangxi Old Street", 0),
]
HOMES = {  # where grids and facilities stand: the name that they bear
    HECHANG: "和畅", TONGHUA: "桐花", WANGXI: "望溪", DAOXIANG: "稻香", JINTANG: "锦塘", HEXIN: "禾香", LIUAN_EAST: "柳岸",
    LIUAN_WEST: "柳西", SHIQIAO: "石桥", DUKOU: "渡口",
}  # fmt: skip
FACILITIES = [  # name, where, type
    ("和畅社区食堂", HECHANG, "社区食堂"), ("稻香社区食堂", DAOXIANG, "社区食堂"), ("禾塘社区学院", DAOXIANG, "社区学院"),
    ("桐花共享客厅", TONGHUA, "共建空间"), ("锦塘邻里剧场", JINTANG, "公共空间"),
]  # fmt: skip
FIRST_SYLLABLES, SECOND_SYLLABLES = "春夏秋冬梅兰竹菊松柏云霞星月山湖", "华安康宁和平明丽泰祥瑞福"


def register(communities: int = COMMUNITIES_AT_FIRST) -> list[Entry]:
    """Return every row of the place register.

    Args: communities: how many there are at first, 9 or more. Raises: ValueError below 9 or above what names suffice for.
    """
    most = COMMUNITIES_AT_FIRST + len(FIRST_SYLLABLES) * len(SECOND_SYLLABLES)
    if not COMMUNITIES_AT_FIRST <= communities <= most:
        raise ValueError(f"expected {COMMUNITIES_AT_FIRST} to {most} communities, found {communities}")
    rows = [*TOWNS, *COMMUNITIES]
    homes, estates = dict(HOMES), list(ESTATES)
    for number in range(communities - COMMUNITIES_AT_FIRST):
        name = FIRST_SYLLABLES[number % len(FIRST_SYLLABLES)] + SECOND_SYLLABLES[number // len(FIRST_SYLLABLES)]
        town = (YUNXI, HETANG, LIUWAN)[number % 3]
        code = f"{town}{100 + number}"
        rows.append(("community", code, f"{name}社区", town, "城市社区", f"Community {100 + number}", None, None))
        homes[code] = name
        estates += [(f"{name}苑", code, "商品房小区", f"Estate {100 + number}-1", 0),
                    (f"{name}里", code, "老旧小区", f"Estate {100 + number}-2", 0)]  # fmt: skip
    for number, (name, where, kind, name_en, buildings) in enumerate(estates, 1):
        code = f"XQ{number:04d}"
        rows += _standing("estate", code, name, where, kind, name_en)
        for building in range(1, buildings + 1):
            building_en = f"{name_en}, Building {building}"
            rows.append(("building", f"{code}-{building:02d}", f"{building}栋", code, "住宅楼", building_en, None, None))
    for number, (where, name) in enumerate(homes.items(), 1):
        rows += _standing("grid", f"WG{number:04d}", f"{name}网格", where, "综合网格", "")
        rows += _standing("facility", f"SS{number:04d}", f"{name}党群服务站", where, "党群服务站", "")
    for number, (name, where, kind) in enumerate(FACILITIES, len(homes) + 1):
        rows += _standing("facility", f"SS{number:04d}", name, where, kind, "")
    return [Entry(Place(code, name, level, parent, first, end), kind, name_en)
            for level, code, name, parent, kind, name_en, first, end in rows]  # fmt: skip


def _standing(level: str, code: str, name: str, where: str, kind: str, name_en: str) -> list[tuple]:
    """The versions of a place that stands in a community, whatever becomes of the community."""
    standing = SINCE.get(where, [(where, None, None)])
    return [(level, code, name, parent, kind, name_en, first, end) for parent, first, end in standing]
