"""The true satisfaction KPIs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from math import fsum

from samples.truth.common import Cell, Figures, Frame, Key, count, month_of, rate, tally
from samples.world import Answer, Evaluation, Question, Survey

COUNTS = ("completed", "partial", "refusal", "noncontact", "other", "unknown_household", "unknown_other")  # AAPOR's
YES = {"S06.awareness": "awareness", "S06.acquaintance": "acquaintance"}
BANDS = {1: "permanent_age_0_17", 2: "permanent_age_18_44", 3: "permanent_age_45_59", 4: "permanent_age_60_plus"}
SEXES = {1: "permanent_male", 2: "permanent_female"}
LIGHTEST, HEAVIEST = 0.3, 3.0
MOST_ROUNDS, CLOSE_ENOUGH = 1000, 1e-12


def satisfaction(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """All satisfaction KPIs."""
    questions = {question.key: question for question in frame.world.questions}
    yield from returned(frame)
    yield from scores(frame, questions)
    yield from recommendation(frame, questions)
    yield from yes(frame, questions)
    yield from weighted(frame, questions)
    yield from since_last_wave(frame, questions)
    yield from grades(frame)
    yield from gaps(frame, questions)
    yield from self_assessment(frame)


def answered(frame: Frame, survey: Survey, place: str, kind: str = "none", member: str = "total") -> Iterator[Cell]:
    """The cells that something of a survey counts in: the periods of its closing day, and the wave that began when it did."""
    is_total = kind == "none"
    yield from frame.cells(place, survey.closed, None if is_total else {kind: member}, total=is_total)
    for above in frame.places.above(place, month_of(survey.closed)):
        yield above, "wave", survey.opened, kind, member, None


def answers(frame: Frame, questions: dict[str, Question], *dimensions: str) -> Iterator[tuple[Survey, Answer, Question]]:
    """Every answer to a question of some dimensions."""
    for survey in frame.world.surveys:
        for answer in survey.answers:
            if questions[answer.question].dimension in dimensions:
                yield survey, answer, questions[answer.question]


def returned(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """S01 and S02."""
    responded, due, valid, sheets = tally(), tally(), tally(), tally()
    for survey in frame.world.surveys:
        counts = survey.dispositions or {}
        part, base = 0, 0
        if not survey.is_opt_in and counts.get("completed") is not None:
            part, base = counts["completed"], sum(counts.get(name) or 0 for name in COUNTS)
        elif not survey.is_opt_in and survey.issued is not None and survey.returned is not None:
            part, base = survey.returned, survey.issued
        for cell in answered(frame, survey, survey.place):
            responded[cell] += part
            due[cell] += base
            if survey.valid is not None and survey.returned is not None:
                valid[cell] += survey.valid
                sheets[cell] += survey.returned
    yield from rate("S01", responded, due)
    yield from rate("S02", valid, sheets)


def scores(frame: Frame, questions: dict[str, Question]) -> Iterator[tuple[Key, Figures]]:
    """S03 and S04."""
    given, satisfied, points, index = tally(), tally(), tally(), tally()
    for survey, answer, question in answers(frame, questions, "satisfaction"):
        for cell in answered(frame, survey, answer.place, "question", question.key):
            is_valid = answer.code is not None
            given[cell] += is_valid
            if is_valid:
                satisfied[cell] += answer.code in question.satisfied
                points[cell] += answer.code
                index[cell] += Fraction(100 * (answer.code - question.scale_min), question.scale_max - question.scale_min)
    yield from rate("S03", satisfied, given)
    yield from rate("S04.mean", points, given)
    yield from rate("S04.index", index, given)


def recommendation(frame: Frame, questions: dict[str, Question]) -> Iterator[tuple[Key, Figures]]:
    """S05 and its three parts."""
    given, promoters, passives, detractors = tally(), tally(), tally(), tally()
    for survey, answer, question in answers(frame, questions, "recommendation"):
        for cell in answered(frame, survey, answer.place, "question", question.key):
            given[cell] += answer.code is not None
            promoters[cell] += answer.code in (9, 10)
            passives[cell] += answer.code in (7, 8)
            detractors[cell] += answer.code in range(7)
    for cell, base in given.items():
        net = promoters[cell] - detractors[cell]
        value = Fraction(100 * net, base) if base else None
        yield ("S05", *cell), {"value": value, "numerator": net, "denominator": base, "n": base}
    for name, counted in (("promoters", promoters), ("passives", passives), ("detractors", detractors)):
        yield from count(f"S05.{name}", counted)


def yes(frame: Frame, questions: dict[str, Question]) -> Iterator[tuple[Key, Figures]]:
    """S06: who knows, who is acquainted."""
    for metric, dimension in YES.items():
        given, agreed = tally(), tally()
        for survey, answer, question in answers(frame, questions, dimension):
            for cell in answered(frame, survey, answer.place, "question", question.key):
                given[cell] += answer.code is not None
                agreed[cell] += answer.code in question.satisfied
        yield from rate(metric, agreed, given)


def weighted(frame: Frame, questions: dict[str, Question]) -> Iterator[tuple[Key, Figures]]:
    """S07."""
    weights, satisfied = defaultdict(list), defaultdict(list)
    for survey in frame.world.surveys:
        of_respondent = respondent_weights(frame, survey, questions)
        if of_respondent is None:
            continue
        for answer in survey.answers:
            question = questions[answer.question]
            if question.dimension != "satisfaction" or answer.code is None:
                continue
            weight = of_respondent.get(answer.respondent, 1.0)
            for cell in answered(frame, survey, answer.place, "question", question.key):
                weights[cell].append(weight)
                if answer.code in question.satisfied:
                    satisfied[cell].append(weight)
    for cell, found in weights.items():
        part, base = fsum(satisfied[cell]), fsum(found)
        effective = base**2 / fsum(weight**2 for weight in found)
        figures = {"value": part / base, "numerator": part, "denominator": base}
        if abs(effective % 1 - 0.5) > 1e-6:  # which way a half is rounded hangs on the last digit
            figures["n"] = round(effective)
        yield ("S07", *cell), figures


def respondent_weights(frame: Frame, survey: Survey, questions: dict[str, Question]) -> dict[str, float] | None:
    """The weight of each respondent whose age band and sex are known; None where the survey cannot be weighted."""
    known = {"age_band": {}, "sex": {}}
    for answer in survey.answers:
        dimension = questions[answer.question].dimension
        if dimension in known and answer.code is not None:
            known[dimension][answer.respondent] = answer.code
    bands, sexes = margin(frame, survey, BANDS), margin(frame, survey, SEXES)
    cell_of = {
        respondent: (band, known["sex"][respondent]) for respondent, band in known["age_band"].items()
        if band in bands and known["sex"].get(respondent) in sexes
    }
    if not cell_of:
        return None
    weights = raked(Counter(cell_of.values()), bands, sexes)
    if weights is None:
        return None
    factors = scaled({respondent: weights[cell] for respondent, cell in cell_of.items()})
    return scaled({respondent: min(max(weight, LIGHTEST), HEAVIEST) for respondent, weight in factors.items()})


def margin(frame: Frame, survey: Survey, measures: dict[int, str]) -> dict[int, int]:
    """The people of the survey's place by code, as last counted on the day on which it closed."""
    found = {}
    for code, measure in measures.items():
        counts = [(day, value) for day, value in frame.counts.get((survey.place, measure), []) if day <= survey.closed]
        if counts and max(counts)[1] > 0:
            found[code] = max(counts)[1]
    return found


def raked(sample: Counter, bands: dict[int, int], sexes: dict[int, int]) -> dict[tuple[int, int], float] | None:
    """The weight of a respondent of each band and sex that brings the sample to both margins; None where none does."""
    targets = []
    for position, people in enumerate((bands, sexes)):
        there = {cell[position] for cell in sample}
        total = sum(number for code, number in people.items() if code in there)
        targets.append({code: number / total for code, number in people.items() if code in there})
    weights = dict.fromkeys(sample, 1 / sample.total())
    for _ in range(MOST_ROUNDS):
        for position, target in enumerate(targets):
            sums = sums_of(sample, weights, position)
            weights = {cell: weight * target[cell[position]] / sums[cell[position]] for cell, weight in weights.items()}
        if all(abs(sums_of(sample, weights, position)[code] - share) <= CLOSE_ENOUGH
               for position, target in enumerate(targets) for code, share in target.items()):
            return weights
    return None


def sums_of(sample: Counter, weights: dict[tuple[int, int], float], position: int) -> dict[int, float]:
    """The weight of all respondents of each band, or of each sex."""
    parts = defaultdict(list)
    for cell, number in sample.items():
        parts[cell[position]].append(number * weights[cell])
    return {code: fsum(found) for code, found in parts.items()}


def scaled(weights: dict[str, float]) -> dict[str, float]:
    """The weights with a mean of 1."""
    mean = fsum(weights.values()) / len(weights)
    return {respondent: weight / mean for respondent, weight in weights.items()}


def since_last_wave(frame: Frame, questions: dict[str, Question]) -> Iterator[tuple[Key, Figures]]:
    """S08."""
    waves: dict[tuple[str, str], dict[date, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for survey, answer, question in answers(frame, questions, "satisfaction"):
        for above in frame.places.above(answer.place, month_of(survey.closed)):
            found = waves[above, question.key][survey.opened]
            found[0] += answer.code in question.satisfied
            found[1] += answer.code is not None
    for (place, question), found in waves.items():
        in_order = sorted(found)
        for before, now in zip(in_order, in_order[1:], strict=False):
            (past, past_base), (part, base) = found[before], found[now]
            is_known = base and past_base
            yield ("S08", place, "wave", now, "question", question, None), {
                "value": Fraction(part, base) - Fraction(past, past_base) if is_known else None,
                "numerator": None, "denominator": None, "n": min(base, past_base),
            }


def latest(evaluations: list[Evaluation], *names: str) -> list[Evaluation]:
    """Of several evaluations with the same names the last one; one without a subject is a subject of its own."""
    found: dict[tuple, Evaluation] = {}
    for number, evaluation in enumerate(evaluations):
        key = tuple(getattr(evaluation, name) for name in names)
        key = key if evaluation.subject is not None else (number,)
        if key not in found or evaluation.day >= found[key].day:
            found[key] = evaluation
    return list(found.values())


def grades(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """S09."""
    graded = latest([one for one in frame.world.evaluations if one.grade is not None], "kind", "round", "subject")
    every = sorted({evaluation.grade for evaluation in graded})
    with_grade, all_graded = tally(), tally()
    for evaluation in graded:
        for grade in every:
            for cell in frame.cells(evaluation.place, evaluation.day, {"grade": grade}, total=False):
                all_graded[cell] += 1
                with_grade[cell] += grade == evaluation.grade
    yield from rate("S09", with_grade, all_graded)


def gaps(frame: Frame, questions: dict[str, Question]) -> Iterator[tuple[Key, Figures]]:
    """S10."""
    asked = defaultdict(set)
    for question in questions.values():
        asked[question.key.split(".")[0], question.topic].add(question.dimension)
    both = {pair for pair, dimensions in asked.items() if pair[1] is not None and {"need", "having"} <= dimensions}
    cells: dict[Cell, dict[str, list[int]]] = defaultdict(lambda: {"need": [0, 0], "having": [0, 0]})
    for survey, answer, question in answers(frame, questions, "need", "having"):
        if (question.key.split(".")[0], question.topic) in both:
            for cell in answered(frame, survey, answer.place, "topic", question.topic):
                cells[cell][question.dimension][0] += answer.code in question.satisfied
                cells[cell][question.dimension][1] += answer.code is not None
    for cell, found in cells.items():
        (wanting, of_need), (having, of_having) = found["need"], found["having"]
        is_known = of_need and of_having
        yield ("S10", *cell), {
            "value": Fraction(wanting, of_need) - Fraction(having, of_having) if is_known else None,
            "numerator": None, "denominator": None, "n": min(of_need, of_having),
        }


def self_assessment(frame: Frame) -> Iterator[tuple[Key, Figures]]:
    """S11."""
    scored = [one for one in frame.world.evaluations if one.subject is not None and one.score is not None
              and one.scale_min is not None and one.scale_max is not None and one.evaluator_type in ("self", "third_party")]
    of_type: dict[str, dict[tuple, Evaluation]] = {"self": {}, "third_party": {}}
    for one in latest(scored, "evaluator_type", "kind", "round", "subject", "dimension"):
        of_type[one.evaluator_type][one.kind, one.round, one.subject, one.dimension] = one
    sums, subjects = tally(), tally()
    for key, third in of_type["third_party"].items():
        own = of_type["self"].get(key)
        if own is not None:
            for cell in frame.cells(third.place, third.day):
                sums[cell] += on_100(own) - on_100(third)
                subjects[cell] += 1
    yield from rate("S11", sums, subjects)


def on_100(evaluation: Evaluation) -> Fraction:
    """The score on a scale of 0 to 100."""
    lowest = Fraction(evaluation.scale_min)
    return 100 * (Fraction(evaluation.score) - lowest) / (Fraction(evaluation.scale_max) - lowest)
