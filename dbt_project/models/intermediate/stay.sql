with

encounter_stay as (
    select * from {{ ref('encounter_stay') }}
),

inpatient_encounter as (
    select * from {{ ref('inpatient_encounter') }}
),

patient as (
    select * from {{ source('clinical', 'patient') }}
),

joined as (
    select
        encounter_stay.stay_kind,
        encounter_stay.stay_id,
        encounter_stay.is_first_of_stay,
        encounter_stay.is_last_of_stay,
        inpatient_encounter.*
    from encounter_stay
    inner join inpatient_encounter on encounter_stay.encounter_id = inpatient_encounter.encounter_id
),

-- One encounter still open keeps the whole stay open.
merged as (
    select
        source_id,
        stay_kind,
        stay_id,
        patient_key,
        max(patient_id) as patient_id,
        bool_or(is_patient_known) as is_patient_known,
        count(*) as encounter_count,
        count(distinct facility_key) as facility_count,
        min(admission_at) as admission_at,
        min(admission_date) as admission_date,
        case when not bool_or(los_status = 'still_admitted') then max(discharge_date) end as discharge_date,
        cast(
            case
                when bool_or(los_status = 'still_admitted') then 'still_admitted'
                when max(discharge_date) is not null then 'discharged'
                else 'date_unknown'
            end as varchar
        ) as los_status,
        max(case when is_first_of_stay then type_code end) as admission_type_code,
        max(case when is_first_of_stay then type_display end) as admission_type_display,
        max(case when is_last_of_stay then discharge_disposition_code end) as discharge_disposition_code,
        max(case when is_last_of_stay then facility_key end) as discharge_facility_key,
        max(case when is_last_of_stay then facility_name end) as discharge_facility_name,
        -- UB-04 patient status 20, 40, 41, 42; HL7 discharge-disposition exp.
        bool_or(coalesce(discharge_disposition_code in ('20', '40', '41', '42', 'exp'), false))
            as is_death_by_disposition
    from joined
    group by source_id, stay_kind, stay_id, patient_key
),

final as (
    select
        merged.stay_kind,
        merged.stay_id,
        merged.source_id,
        merged.patient_key,
        merged.patient_id,
        merged.is_patient_known,
        merged.encounter_count,
        merged.facility_count,
        merged.admission_at,
        merged.admission_date,
        merged.discharge_date,
        merged.los_status,
        {{ days_between('merged.admission_date', 'merged.discharge_date') }} as stay_los_days,
        merged.admission_type_code,
        merged.admission_type_display,
        merged.discharge_disposition_code,
        merged.discharge_facility_key,
        merged.discharge_facility_name,
        -- Days are compared, not instants: Synthea's deaths come hours after the end of the encounter.
        merged.is_death_by_disposition
        or coalesce(cast(patient.deceased_at as date) <= merged.discharge_date, false) as is_died
    from merged
    left join patient
        on
            merged.source_id = patient.source_id
            and merged.patient_id = patient.patient_id
)

select * from final
