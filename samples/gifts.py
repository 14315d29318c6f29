"""Donors, grantees and funders of the invented district. Nothing here exists."""

from __future__ import annotations

from samples.matters import SURNAMES, TITLES

RESIDENTS = [surname + given for given in ("芳", "伟", "秀英", "建国", "敏") for surname in SURNAMES]
DONORS = [
    *((name, "居民") for name in RESIDENTS),
    *((surname + TITLES[number % 4], "居民") for number, surname in enumerate(SURNAMES)),
    *[("匿名", "匿名")] * 18,
    *[(name, "企业") for name in ("青禾云杉科技有限公司", "禾塘丰源食品有限公司", "云溪远帆物流有限公司")] * 5,
    *[(name, "单位") for name in ("青禾区实验学校", "云溪镇商会")] * 4,
    *[(name, "商家") for name in ("阿福面馆", "小满书屋", "溪边水果店")] * 4,
]
SOURCE_TYPES = {"居民": "resident", "企业": "company", "单位": "institution", "商家": "merchant", "匿名": "anonymous"}
CAMPAIGNS = [  # process, share of the gifts, whether they go to a fund
    ("E08", 0.52, True), ("E07", 0.16, True), ("E11", 0.08, False), ("E20", 0.06, False), ("I11", 0.06, False),
    ("A18", 0.04, False), ("E16", 0.08, False),
]  # fmt: skip
FUNDS = {"E08": "{}发展基金", "E07": "{}共建基金"}
PURPOSES = ["助老", "助学", "小区微改造", "邻里节"]
IN_KIND = ["旧书,文具", "大米50袋", "爱心椅10把"]

SELF = "项目团队自筹"
FUNDERS = {  # name: 资助方性质
    "青禾区社区发展基金会": "基金会", "云溪镇人民政府": "政府", "禾塘街道办事处": "政府", "青禾区委社会工作部": "政府",
    "青禾云杉科技有限公司": "企业", SELF: "自筹",
}  # fmt: skip
NATURES = {"政府": "government", "基金会": "foundation", "企业": "company", "自筹": "self"}
PROJECT_NAMES = ["长者食堂", "议事厅", "河长志愿队", "亲子农园", "邻里节", "加装扶手", "青年夜校", "楼道美化", "共享工具角", "银龄合唱团"]
# Process; kinds of movements; funders; projects in a year; least and most awarded, in yuan; whether its rounds have a cap
PROGRAMMES = [
    ("E01", ("budget", "award", "disbursement", "expenditure"), ("青禾区委社会工作部", "云溪镇人民政府"), 8, 15000, 60000, False),
    ("E02", ("award", "disbursement"), ("青禾区社区发展基金会",), 8, 3000, 12000, False),
    ("E03", ("award", "matching_contribution"), ("青禾区社区发展基金会",), 8, 5000, 20000, True),
    ("E04", ("award", "matching_contribution", "in_kind_donation"), ("禾塘街道办事处",), 6, 1000, 5000, True),
    ("E05", ("budget", "award"), ("青禾区委社会工作部",), 3, 20000, 80000, False),
    ("E06", ("award", "in_kind_donation"), ("青禾云杉科技有限公司",), 3, 5000, 20000, False),
    ("E09", ("award",), ("青禾区委社会工作部",), 3, 8000, 30000, False),
    ("E12", ("award",), ("青禾区社区发展基金会",), 3, 2000, 10000, False),
    ("H01", ("award",), ("青禾区社区发展基金会",), 2, 1000, 3000, False),
    ("I05", ("award",), ("云溪镇人民政府",), 2, 2000, 8000, False),
]
KINDS = {
    "budget": "预算", "award": "立项", "disbursement": "拨付", "expenditure": "支出", "matching_contribution": "自筹",
    "in_kind_donation": "实物",
}  # fmt: skip
CAP_RATIO = 2  # an award is at most twice what its project raises itself: of every round that has a cap
