"""Columns about people: found by their headers and their values, and declared personal unless a person decides otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingest.privacy import ID_NUMBER, IP_ADDRESS, PHONE
from ingest.readers.header import normalised_header
from ingest.scaffold.profile import Profile

# The hundred most common family names, and the most common ones of two characters.
FAMILY_NAMES = set(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪"
    "范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
DOUBLE_FAMILY_NAMES = ("欧阳", "上官", "司马", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐")
ENOUGH = 0.6

# (kind, words in Chinese headers, words of other headers that stand alone between blanks, dots or underscores)
HEADER_WORDS: list[tuple[str, str, str]] = [
    ("drop", "电话|手机|联系方式|微信|邮箱|QQ", "phone|mobile|tel|telephone|telefon|handy|email|mail|wechat|fax"),
    ("drop", "ip", "ip"),
    ("birth_date", "出生|生日", "birth|birthday|birthdate|birth_?date|date_?of_?birth|dob|geburtsdatum"),
    ("age", "年龄|岁数", "age|alter"),
    (
        "health",
        "病|健康|残疾|血压|血糖|用药|诊断|体检|失能|体温",
        "health|disease|diagnosis|disability|medication|illness|blood|symptom",
    ),
    (
        "household",
        "住址|家庭|户号|房号|门牌|门栋|楼栋房|户主编号|住户|户主",
        "address|adresse|street|household|house_?no|flat|apartment|door|unit_?no",
    ),
    ("person", "身份证|证件号|社保号|护照|学号|工号", "id_?card|passport|ssn|identity|national_?id"),
    (
        "person",
        "姓名|人员|联系人|反映人|申请人|负责人|经办人|办理人|捐赠人|当事人|受益人|填报人|登记人|监护人|户主|账户|账号|往来|志愿者编号|居民编号|姓氏",
        "person|applicant|recipient|donor|contact|surname|first_?name|last_?name|full_?name|forename|resident|owner|"
        "respondent_?name|volunteer|account|payee|beneficiary|complainant|vorname|nachname|user|username|user_?id|"
        "member_?id|counterparty",
    ),
    (
        "drop",
        "民族|宗教|收入|籍贯|婚姻|政治面貌|邮编",
        "race|ethnicity|ethnic|religion|income|zip|zip_?code|postcode|postal_?code|nationality",
    ),
]
FREE_TEXT_WORDS = (
    "描述|备注|内容|意见|建议|说明|原因|诉求|留言|评语|感想|详情|摘要",
    "description|comment|comments|remark|remarks|note|notes|details|text|feedback|reason|suggestion|message|summary",
)
# What such a word stands for beside it: counts of people and names of groups are not about one person.
NOT_OF_A_PERSON = re.compile(r"数$|人次|人数|次数|占比|比例|率$|count|number_of|share|rate|total|band|类型|type|性质|年龄段")


@dataclass(frozen=True)
class Personal:
    """How a column is declared (`personal` kind, or None with `free_text`), and why. `is_certain`: the values themselves are
    personal; otherwise the header alone says so."""

    personal: str | None
    free_text: bool
    why: str


def find(profile: Profile, name: str, declared: str | None = None, declared_in: str = "") -> Personal | None:
    """Whether a column is about people, by its values first, then by its header; None when neither says so.

    Args: profile: of the column. name: its proposed name. declared: how another source declares this header. declared_in: that
    source. Returns: Personal or None.
    """
    return _by_values(profile) or _by_declaration(declared, declared_in) or _by_header(profile, name) or _free_text(profile, name)


def _by_declaration(declared: str | None, source: str) -> Personal | None:
    return Personal(declared, False, f"declared so in {source}") if declared else None


def _share(profile: Profile, fits) -> float:
    return sum(1 for value in profile.sample if fits(value)) / len(profile.sample) if profile.sample else 0.0


def _by_values(profile: Profile) -> Personal | None:
    if profile.longest <= 60:
        tests = [
            ("person", "ID numbers (their check digits are right)", is_id_number),
            ("drop", "phone numbers", lambda value: _whole(PHONE, value)),
            ("drop", "IP addresses", lambda value: _whole(IP_ADDRESS, value)),
            ("drop", "e-mail addresses", lambda value: bool(re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}", value))),
            ("household", "addresses with a door number", _is_door),
        ]
        for kind, what, fits in tests:
            if (share := _share(profile, fits)) >= ENOUGH:
                return Personal(kind, False, f"{share:.0%} of the values looked at are {what}")
    share = _share(profile, is_person_name)
    if share >= 0.8 and profile.distinct >= 5:
        return Personal("person", False, f"{share:.0%} of the values looked at read like names of people")
    inside = _share(
        profile, lambda value: bool(re.search(PHONE, value) or re.search(ID_NUMBER, value) or re.search(IP_ADDRESS, value))
    )
    if inside > 0 and profile.longest > 20:
        return Personal(None, True, f"{inside:.1%} of the texts looked at hold a phone number, an ID number or an IP address")
    return None


def _by_header(profile: Profile, name: str) -> Personal | None:
    header = normalised_header(profile.header)
    words = f"_{name}_"
    if NOT_OF_A_PERSON.search(header) or NOT_OF_A_PERSON.search(name):
        return None
    for kind, chinese, other in HEADER_WORDS:
        found = re.search(chinese, header) if not header.isascii() or chinese == header else None
        found = found or re.search(rf"_({other})_", words)
        if not found or profile.type == "boolean" or (kind == "person" and profile.distinct <= 2 < profile.filled):
            continue
        if kind == "age" and not _share(
            profile, lambda value: bool(re.match(r"\D{0,2}\d{1,3}(\.\d+)?\s*(岁|周岁|years?|y)?\Z", value))
        ):
            continue
        return Personal(kind, False, f"the header says {found.group(0).strip('_')!r}")
    return None


def _free_text(profile: Profile, name: str) -> Personal | None:
    chinese, other = FREE_TEXT_WORDS
    if profile.type != "varchar" or not profile.filled:
        return None
    may_be_free = profile.distinct > 12 or len(profile.header) <= 12
    if found := may_be_free and (
        re.search(chinese, normalised_header(profile.header)) or re.search(rf"_({other})_", f"_{name}_")
    ):
        return Personal(None, True, f"the header says {found.group(0).strip('_')!r}")
    wide = sum(1 for value in profile.sample if not value.isascii()) > len(profile.sample) / 2
    if profile.mean_length >= (14 if wide else 40) and profile.distinct > max(12, profile.filled / 2):
        return Personal(None, True, f"long texts ({profile.mean_length:.0f} characters on average) that differ from row to row")
    return None


def _whole(pattern: str, value: str) -> bool:
    return bool(re.fullmatch(pattern, value))


def is_id_number(text: str) -> bool:
    """Whether a text is a Chinese ID number whose check digit is right (GB 11643)."""
    digits = text.strip().upper()
    if not re.fullmatch(r"[1-9]\d{16}[\dX]", digits):
        return False
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(digits, weights)) % 11] == digits[17]


def is_person_name(text: str) -> bool:
    """Whether a text reads like a Chinese name: a common family name and one or two characters, or with the given name masked."""
    if not re.fullmatch(r"[一-鿿]{1,3}[一-鿿*某xX＊]{1,2}", text) or text[-1] in "村镇区县市里苑园院站会队组部科厅室庄屯坊巷路街":
        return False
    return (text[:2] in DOUBLE_FAMILY_NAMES and 3 <= len(text) <= 4) or (text[0] in FAMILY_NAMES and 2 <= len(text) <= 3)


def _is_door(text: str) -> bool:
    return bool(re.search(r"\d+\s*(栋|幢|号楼|座|单元)\s*.*\d+\s*(室|号|房)?\Z|\d+-\d+-\d{3,4}\Z|\d+号\d+室\Z", text))
