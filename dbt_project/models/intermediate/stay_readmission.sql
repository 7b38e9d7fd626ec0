with

stay as (
    select * from {{ ref('stay') }}
),

as_of_day as (
    select * from {{ ref('as_of_day') }}
),

followed as (
    select
        stay.*,
        lead(stay_id) over (partition by stay_kind, patient_key order by admission_at, stay_id) as next_stay_id,
        lead(admission_date) over (partition by stay_kind, patient_key order by admission_at, stay_id)
            as next_admission_date,
        lead(admission_type_display) over (partition by stay_kind, patient_key order by admission_at, stay_id)
            as next_admission_type_display
    from stay
),

judged as (
    select
        followed.*,
        as_of_day.as_of_date,
        {{ days_between('followed.discharge_date', 'followed.next_admission_date') }} as days_to_next_admission,
        cast(
            case
                when not followed.is_patient_known then 'patient_unknown'
                when followed.los_status = 'still_admitted' then 'still_admitted'
                when followed.los_status = 'date_unknown' then 'discharge_date_unknown'
                when followed.is_died then 'died'
                -- The 30 days must have passed, also where the patient is back already: otherwise early returns are
                -- counted before the late non-returns are.
                when
                    {{ days_between('followed.discharge_date', 'as_of_day.as_of_date') }} < 30
                    then 'run_out_incomplete'
            end as varchar
        ) as exclusion_reason
    from followed
    inner join as_of_day on followed.source_id = as_of_day.source_id
),

final as (
    select
        source_id,
        stay_kind,
        stay_id,
        patient_id,
        admission_date,
        discharge_date,
        {{ first_of_month('discharge_date') }} as discharge_month,
        stay_los_days,
        encounter_count,
        facility_count,
        admission_type_display,
        discharge_facility_name,
        discharge_disposition_code,
        -- UB-04 patient status 07; HL7 discharge-disposition aadvice.
        coalesce(discharge_disposition_code in ('07', '7', 'aadvice'), false) as is_against_advice,
        next_stay_id,
        next_admission_date,
        next_admission_type_display,
        days_to_next_admission,
        exclusion_reason,
        exclusion_reason is null as is_index,
        case
            when exclusion_reason is null then coalesce(days_to_next_admission between 0 and 30, false)
        end as is_readmitted_30d,
        as_of_date
    from judged
)

select * from final
