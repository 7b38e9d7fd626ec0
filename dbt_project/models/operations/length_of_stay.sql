with

inpatient_encounter as (
    select * from {{ ref('inpatient_encounter') }}
),

encounter_stay as (
    select * from {{ ref('encounter_stay') }}
),

stay as (
    select * from {{ ref('stay') }}
),

in_stay as (
    select
        encounter_stay.encounter_id,
        encounter_stay.stay_kind,
        encounter_stay.stay_id,
        encounter_stay.is_last_of_stay,
        stay.admission_date,
        stay.discharge_date,
        stay.los_status,
        stay.stay_los_days,
        stay.encounter_count
    from encounter_stay
    inner join stay
        on
            encounter_stay.stay_kind = stay.stay_kind
            and encounter_stay.stay_id = stay.stay_id
),

final as (
    select
        inpatient_encounter.encounter_id,
        inpatient_encounter.source_id,
        inpatient_encounter.patient_id,
        inpatient_encounter.class_code,
        inpatient_encounter.type_code,
        inpatient_encounter.type_display,
        inpatient_encounter.setting,
        inpatient_encounter.is_acute,
        inpatient_encounter.facility_name,

        inpatient_encounter.admission_date,
        inpatient_encounter.discharge_date,
        {{ first_of_month('inpatient_encounter.discharge_date') }} as discharge_month,
        inpatient_encounter.los_status,
        inpatient_encounter.los_days,
        -- Not greatest(1, …): on DuckDB it turns "not known" into 1.
        case when inpatient_encounter.los_days < 1 then 1 else inpatient_encounter.los_days end as los_billed_days,

        whole.stay_id,
        coalesce(whole.is_last_of_stay, false) as is_last_of_stay,
        whole.encounter_count as stay_encounter_count,
        whole.admission_date as stay_admission_date,
        whole.discharge_date as stay_discharge_date,
        {{ first_of_month('whole.discharge_date') }} as stay_discharge_month,
        whole.los_status as stay_los_status,
        whole.stay_los_days,
        case when whole.stay_los_days < 1 then 1 else whole.stay_los_days end as stay_los_billed_days,

        acute.stay_id as acute_stay_id,
        coalesce(acute.is_last_of_stay, false) as is_last_of_acute_stay,
        acute.discharge_date as acute_stay_discharge_date,
        acute.stay_los_days as acute_stay_los_days
    from inpatient_encounter
    left join in_stay as whole
        on
            inpatient_encounter.encounter_id = whole.encounter_id
            and whole.stay_kind = 'inpatient'
    left join in_stay as acute
        on
            inpatient_encounter.encounter_id = acute.encounter_id
            and acute.stay_kind = 'acute'
)

select * from final
