{# What adds up: topic → its row model `kpi_row_<topic>`, the breakdowns (type → column of that model) and the components.

   A row model has one row per row of a fact: place_key, period_month, currency, as_of_date, source, file_id, row_no, the
   columns of the breakdowns and one number per component: what the row adds to it, NULL where it has no say. With
   `is_wave` it has wave_start and wave_end too. seeds/metric_catalogue.csv makes metrics of the components. #}
{% macro kpi_topics() -%}
    {{ return({
        'activity': {
            'breakdowns': {'activity_type': 'activity_type', 'mode': 'mode', 'host_type': 'host_type'},
            'components': ['activities_held', 'activities_with_attendance', 'attendances_known'],
        },
        'case': {
            'breakdowns': {'category': 'category', 'kind': 'kind'},
            'components': [
                'cases_raised', 'cases_resolved', 'cases_rejected', 'cases_withdrawn', 'cases_cancelled', 'cases_referred_out',
                'cases_open', 'cases_invalid_interval', 'cases_missing_end',
            ],
        },
        'case_end': {
            'breakdowns': {'category': 'category', 'kind': 'kind'},
            'components': ['cases_resolved_in_period'],
        },
        'answer': {
            'is_wave': true,
            'breakdowns': {'question': 'question_key'},
            'components': [
                'answers_valid', 'answers_satisfied', 'score_sum', 'score_sum_of_squares', 'index_sum', 'index_sum_of_squares',
            ],
        },
        'money': {
            'breakdowns': {'source_type': 'source_type', 'fund': 'fund'},
            'components': [
                'raised_amount', 'raised_count', 'awarded_amount', 'awarded_count', 'disbursed_amount', 'disbursed_count',
                'spent_amount', 'spent_count', 'in_kind_amount', 'in_kind_count', 'in_kind_unvalued', 'matched_award_amount',
                'matched_award_count', 'self_raised_amount', 'non_government_amount', 'government_amount', 'known_giver_count',
                'fees_paid_amount', 'fees_billed_amount', 'fees_billed_count',
            ],
        },
        'survey': {
            'is_wave': true,
            'breakdowns': {},
            'components': ['responses_returned', 'responses_due', 'questionnaires_valid', 'questionnaires_returned'],
        },
        'recommendation': {
            'is_wave': true,
            'breakdowns': {'question': 'question_key'},
            'components': [
                'recommendations_valid', 'promoters', 'passives', 'detractors', 'promoters_less_detractors',
                'promoters_and_detractors',
            ],
        },
        'awareness': {
            'is_wave': true,
            'breakdowns': {'question': 'question_key'},
            'components': ['answers_aware', 'answers_on_awareness', 'answers_acquainted', 'answers_on_acquaintance'],
        },
        'weighted_answer': {
            'is_wave': true,
            'breakdowns': {'question': 'question_key'},
            'components': ['weight_satisfied', 'weight_valid', 'weight_squared'],
        },
        'need': {
            'is_wave': true,
            'breakdowns': {'topic': 'topic'},
            'components': ['answers_wanting', 'answers_on_need', 'answers_having', 'answers_on_having'],
        },
        'grade': {
            'breakdowns': {'grade': 'grade'},
            'components': ['subjects_of_grade', 'subjects_graded'],
        },
        'self_assessment': {
            'breakdowns': {},
            'components': ['self_assessment_gap', 'self_assessment_gap_squared', 'subjects_assessed_twice'],
        },
        'project': {'breakdowns': {}, 'components': ['projects_due', 'projects_accepted', 'projects_judged']},
        'application': {'breakdowns': {}, 'components': ['applications_approved', 'applications_decided']},
        'fee_household': {'breakdowns': {}, 'components': ['households_paid', 'households_billed']},
        'fund_month': {
            'breakdowns': {'fund': 'fund'},
            'components': ['reconciliation_gap', 'fund_months_unreconciled', 'fund_months'],
        },
    }) }}
{%- endmacro %}
