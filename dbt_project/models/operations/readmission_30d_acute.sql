with

stay_readmission as (
    select * from {{ ref('stay_readmission') }}
),

final as (
    select
        stay_id,
        source_id,
        patient_id,
        admission_date,
        discharge_date,
        discharge_month,
        stay_los_days,
        encounter_count,
        facility_count,
        admission_type_display,
        discharge_facility_name,
        discharge_disposition_code,
        is_against_advice,
        next_stay_id,
        next_admission_date,
        next_admission_type_display,
        days_to_next_admission,
        exclusion_reason,
        is_index,
        is_readmitted_30d,
        as_of_date
    from stay_readmission
    where stay_kind = 'acute'
)

select * from final
