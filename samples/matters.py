"""The words of the matters that residents raise. Nothing here exists."""

from __future__ import annotations

CATEGORIES = {  # category: responsible body, mean days to settle, days that it should take, descriptions
    "物业管理": ("禾安物业服务中心", 24, 30, ["电梯经常停用", "门禁损坏无人修理"]),
    "环境卫生": ("社区居委会", 9, 10, ["垃圾桶满溢", "绿化带有狗粪"]),
    "停车秩序": ("镇街综合治理办", 32, 30, ["消防通道被占", "外来车辆乱停"]),
    "噪音扰民": ("镇街综合治理办", 16, 15, ["广场舞音量过大", "夜间装修"]),
    "公共设施": ("镇街建设办", 38, 45, ["路灯不亮", "健身器材破损"]),
    "邻里纠纷": ("社区调解室", 14, 15, ["楼上漏水", "楼道堆放杂物"]),
}
CHANNELS = {  # channel: process, weight; the first ones are raised at a session of that process
    "书记下午茶": ("A01", 0.14), "议事日": ("A03", 0.12), "共治沙龙": ("A08", 0.04), "接待日": ("C11", 0.05), "楼长日": ("D14", 0.12),
    "小程序": ("A02", 0.19), "网格": ("B05", 0.17), "四步工作法": ("A04", 0.02), "楼长议事平台": ("A09", 0.02), "红哨子": ("A12", 0.02),
    "业主大讲堂": ("A13", 0.01), "问题停车场": ("A15", 0.01), "小区改造协商": ("A21", 0.01), "上访接待": ("A23", 0.01), "听评会": ("A27", 0.01),
    "片区联管": ("A28", 0.01), "改革建议": ("A30", 0.02), "专项整治": ("B09", 0.02), "双报到": ("D08", 0.01),
}  # fmt: skip
SESSIONS = {"A01": "tea_session", "A03": "meeting", "A08": "salon", "C11": "reception_day", "D14": "duty_day"}
ENDINGS = [("已解决", 0.66), ("已办结", 0.14), ("不予受理", 0.07), ("已撤回", 0.05), ("已转办", 0.08)]
OUTCOMES = {"已解决": "resolved", "已办结": "resolved", "不予受理": "rejected", "已撤回": "withdrawn", "已转办": "referred_out"}
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许"
TITLES = ["女士", "先生", "阿姨", "伯伯"]
