"""What is held in the district: the regular occasions with their cadence, and the words of the others. Nothing here exists."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Regular:
    """An occasion that recurs. `cadence`: weekly, or monthly; `weekday` 1 is Monday; `day` 10 is the tenth, -1 one of the last
    seven days, 0 any. `places`: how many communities keep it."""

    process: str
    kind: str
    name: str
    cadence: str
    places: int
    fewest: int
    most: int
    weekday: int = 0
    day: int = 0


REGULAR = [
    Regular("A01", "tea_session", "书记下午茶", "monthly", 4, 8, 24, day=-1),
    Regular("A03", "meeting", "议事日", "monthly", 5, 10, 35, day=10),
    Regular("A07", "meeting", "联席扩大会议", "monthly", 2, 12, 30),
    Regular("A08", "salon", "共治沙龙", "monthly", 2, 10, 28),
    Regular("A10", "council", "党群议事会", "monthly", 3, 10, 30),
    Regular("B02", "inspection", "每周排查", "weekly", 1, 3, 8),
    Regular("B02", "meeting", "矛盾纠纷分析会", "monthly", 1, 8, 18),
    Regular("C11", "reception_day", "业委会接待日", "monthly", 3, 4, 20, day=3),
    Regular("D12", "gathering", "老人每周聚会", "weekly", 1, 8, 30),
    Regular("D14", "duty_day", "楼长日", "monthly", 3, 6, 22, weekday=7, day=-1),
    Regular("D18", "gathering", "团建星期三", "weekly", 1, 8, 25, weekday=3),
    Regular("F01", "clinic", "周三义诊", "weekly", 1, 20, 80, weekday=3),
    Regular("F04", "clinic", "周三志愿服务行", "weekly", 1, 15, 60, weekday=3),
    Regular("I10", "gathering", "红歌传唱", "weekly", 1, 12, 45, weekday=2),
]
NAMED = {  # what the occasional activities of some processes are called
    ("I09", "lecture"): ["垃圾分类知识讲座", "节水知识讲座"], ("I09", "practice"): ["阳台种植实操课", "酵素制作实操课"],
    ("F05", "clinic"): ["社区健康义诊"], ("I02", "performance"): ["邻里节文艺演出"], ("I01", "festival"): ["邻里节", "重阳敬老节"],
    ("D12", "visit"): ["高龄老人走访"], ("A16", "meeting"): ["小区议事会"], ("C06", "meeting"): ["业委会例会"],
    ("H12", "training"): ["志愿者培训"], ("F16", "class"): ["智能手机课堂"], ("B08", "publicity"): ["防诈骗宣传"],
}  # fmt: skip
SIZES = {  # fewest and most attendances
    "festival": (150, 900), "performance": (250, 1500), "publicity": (40, 260), "campaign": (30, 120), "clinic": (40, 130),
    "lecture": (25, 80), "class": (12, 40), "training": (12, 45), "volunteer_service": (6, 40), "gathering": (15, 90),
    "charity_sale": (60, 240), "visit": (3, 20), "inspection": (2, 8), "patrol": (3, 12), "ceremony": (40, 160),
    "contest": (30, 180), "party_life": (10, 40), "observation": (1, 3), "consultation": (2, 10),
}  # fmt: skip
USUAL_SIZE = (8, 40)
OFTEN = {"I09": 2.5, "I08": 1.5, "F05": 1.2, "H11": 1.5, "H14": 2.0, "A16": 1.5, "D19": 1.5, "B04": 1.5, "F16": 1.2}  # in a month
SELDOM = 0.32
HOST_TYPES = {"A": "居委会", "B": "居委会", "C": "业委会", "D": "居民团队", "E": "社会组织", "F": "社会组织", "G": "居委会", "H": "党组织",
              "I": "居民团队", "J": "党组织"}  # fmt: skip
HOSTS = {"居委会": "{}居民委员会", "社会组织": "青禾启明社会工作服务中心", "居民团队": "{}邻里互助队", "物业": "禾安物业服务中心",
         "业委会": "{}业主委员会", "党组织": "{}党委"}  # fmt: skip
ELEMENTS = {"A": "议事协商", "C": "居民骨干", "D": "居民参与", "I": "居民参与", "J": "党建引领", "E": "社区议题"}
AUDIENCES = ["居民", "长者", "居民、志愿者", "亲子家庭", "居民代表、物业", "楼长", "党员"]
EFFECTS = ["居民反映良好", "达到预期", "建议每月一次", "收集意见3条", ""]
VENUES = [("党群服务中心", 120), ("社区会议室", 40), ("小区广场", None), ("长者活动室", 60), ("社区小剧场", 300)]
STARTS = ["9:00", "09:30", "14:30", "15:00", "19:00"]
ONLINE = ("lecture", "meeting", "training")
