with

encounter as (
    select * from {{ ref('stg_encounter') }}
),

encounter_setting as (
    select * from {{ ref('encounter_setting') }}
),

inpatient as (
    select
        encounter.*,
        coalesce(
            encounter_setting.setting,
            case when encounter.class_code = 'NONAC' then 'other_non_acute' else 'acute' end
        ) as setting,
        cast(
            case
                when encounter.start_date is null then 'date_unknown'
                when encounter.end_date < encounter.start_date then 'negative'
                when encounter.end_date is not null then 'discharged'
                when encounter.is_open then 'still_admitted'
                else 'date_unknown'
            end as varchar
        ) as los_status
    from encounter
    left join encounter_setting
        on
            encounter.type_system = encounter_setting.type_system
            and encounter.type_code = encounter_setting.type_code
    where encounter.is_inpatient
),

final as (
    select
        source_id,
        encounter_id,
        patient_id,
        patient_key,
        is_patient_known,
        class_code,
        type_code,
        type_display,
        setting,
        setting = 'acute' as is_acute,
        discharge_disposition_code,
        facility_key,
        facility_name,
        started_at as admission_at,
        start_date as admission_date,
        case when los_status = 'discharged' then end_date end as discharge_date,
        los_status,
        case when los_status = 'discharged' then {{ days_between('start_date', 'end_date') }} end as los_days,
        -- Until when the patient is known to be in the bed: what decides whether two encounters touch.
        case
            when los_status = 'still_admitted' then timestamp '9999-12-31 00:00:00'
            when los_status = 'discharged' and is_end_a_day
                then cast(end_date as timestamp) + interval '86399' second
            when los_status = 'discharged' and ended_at > started_at then ended_at
            else started_at
        end as occupied_until
    from inpatient
)

select * from final
