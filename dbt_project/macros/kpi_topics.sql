{# What adds up: topic → its row model `kpi_row_<topic>`, the breakdowns (type → column of that model) and the components.

   A row model has one row per row of a fact: place_key, period_month, currency, as_of_date, source, file_id, row_no, the
   columns of the breakdowns and one number per component: what the row adds to it, NULL where it has no say. With
   `is_wave` it has wave_start and wave_end too. seeds/metric_catalogue.csv makes metrics of the components.
   `marks` are columns that mark the rows behind a metric that does not add up; a model of its own computes it. #}
{% macro kpi_topics() -%}
    {{ return({
        'activity': {
            'breakdowns': {
                'activity_type': 'activity_type', 'mode': 'mode', 'host_type': 'host_type',
                'framework_element': 'framework_element',
            },
            'components': [
                'activities_held', 'activities_with_attendance', 'attendance_difference', 'activities_counted_twice',
                'attendance_outliers', 'deliberation_sessions', 'activities_resident_led', 'activities_with_known_leader',
            ],
        },
        'attendance': {
            'breakdowns': {'activity_type': 'activity_type'},
            'components': ['attendances', 'attendances_known'],
        },
        'proposal': {'breakdowns': {}, 'components': ['deliberation_proposals']},
        'volunteer_shift': {
            'breakdowns': {},
            'components': ['volunteer_hours', 'volunteer_shifts_credible', 'volunteer_shifts_invalid'],
        },
        'points': {
            'breakdowns': {},
            'components': [
                'points_issued', 'entries_issued', 'points_redeemed', 'entries_redeemed', 'points_penalties', 'entries_penalties',
                'points_expired', 'entries_expired', 'points_reversed', 'entries_reversed', 'redemptions_without_rule',
            ],
            'marks': ['points_outstanding'],
        },
        'participation': {
            'marks': ['participants', 'participating_households', 'first_time_participants', 'active_volunteers'],
        },
        'role': {'marks': ['registered_volunteers']},
        'vote': {
            'breakdowns': {'voter_unit': 'voter_unit'},
            'components': [
                'vote_returned_count_of_eligible_count', 'vote_eligible_count_with_returned_count',
                'vote_returned_area_of_eligible_area', 'vote_eligible_area_with_returned_area',
                'vote_valid_count_of_returned_count', 'vote_returned_count_with_valid_count',
                'vote_for_count_of_valid_count', 'vote_valid_count_with_for_count',
            ],
        },
        'cadence': {'breakdowns': {'rule': 'rule'}, 'components': ['windows_kept', 'windows_due']},
        'funnel': {'breakdowns': {'stage': 'stage'}, 'components': ['stage_reached', 'previous_stage_reached']},
        'team': {
            'breakdowns': {},
            'components': [
                'teams_founded', 'teams_graduated', 'teams_dissolved', 'teams_alive_after_a_year', 'teams_watched_for_a_year',
            ],
        },
        'case': {
            'breakdowns': {'category': 'category', 'kind': 'kind'},
            'components': [
                'cases_raised', 'cases_resolved', 'cases_rejected', 'cases_withdrawn', 'cases_cancelled', 'cases_referred_out',
                'cases_open', 'cases_invalid_interval', 'cases_missing_end',
                'cases_on_time', 'cases_past_target_or_resolved', 'cases_resolved_with_target',
                'cases_resolved_anywhere', 'cases_resolved_on_the_spot',
                'cases_of_the_community', 'cases_escalated', 'cases_of_the_community_resolved', 'cases_resolved_in_the_community',
                'cases_repeated', 'list_items', 'list_items_done', 'disputes_settled', 'disputes_agreed', 'disputes_performed',
            ],
        },
        'case_end': {
            'breakdowns': {'category': 'category', 'kind': 'kind'},
            'components': ['cases_resolved_in_period'],
        },
        'backlog': {'marks': ['cases_standing']},
        'case_reopen': {
            'breakdowns': {'category': 'category', 'kind': 'kind'},
            'components': ['cases_watched_for_reopening', 'cases_reopened'],
        },
        'case_service': {
            'breakdowns': {'category': 'category', 'kind': 'kind'},
            'components': [
                'responses_due', 'responses_given',
                'callback_should_respond', 'callback_responded', 'callback_reached', 'callback_resolved', 'callback_satisfied',
                'ratings', 'ratings_by_default', 'ratings_given', 'ratings_satisfied', 'rating_sum', 'rating_sum_of_squares',
            ],
        },
        'case_state': {
            'breakdowns': {'state': 'state'},
            'components': ['cases_followed', 'cases_that_reached_state'],
        },
        'disclosure': {
            'breakdowns': {'category': 'category'},
            'components': ['disclosures_due', 'disclosures_on_time'],
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
            'components': ['survey_responses', 'survey_responses_due', 'questionnaires_valid', 'questionnaires_returned'],
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
