with

patient as (
    select * from {{ source('clinical', 'patient') }}
),

encounter as (
    select * from {{ ref('stg_encounter') }}
),

condition as (
    select * from {{ source('clinical', 'condition') }}
),

observation as (
    select * from {{ source('clinical', 'observation') }}
),

age_day as (
    select * from {{ ref('age_day') }}
),

visits as (
    select
        source_id,
        patient_id,
        count(*) as encounter_count,
        count(case when is_inpatient then 1 end) as inpatient_encounter_count,
        count(case when class_code = 'EMER' then 1 end) as emergency_encounter_count,
        count(case when class_code = 'AMB' then 1 end) as ambulatory_encounter_count,
        max(start_date) as last_encounter_date
    from encounter
    group by source_id, patient_id
),

problems as (
    select
        source_id,
        patient_id,
        count(*) as active_condition_count
    from condition
    where
        clinical_status_code in ('active', 'recurrence', 'relapse')
        and coalesce(verification_status_code, 'confirmed') not in ('refuted', 'entered-in-error')
    group by source_id, patient_id
),

valid_observation as (
    select *
    from observation
    where
        status in ('final', 'amended', 'corrected')
        and effective_at is not null
),

-- LOINC 8480-6 and 8462-4: systolic and diastolic, the two components of one reading.
blood_pressure as (
    select
        source_id,
        patient_id,
        observation_id,
        max(effective_at) as effective_at,
        max(case when component_code = '8480-6' then component_value_number end) as systolic,
        max(case when component_code = '8462-4' then component_value_number end) as diastolic
    from valid_observation
    where component_code in ('8480-6', '8462-4')
    group by source_id, patient_id, observation_id
),

blood_pressure_latest_first as (
    select
        blood_pressure.*,
        row_number() over (
            partition by source_id, patient_id
            order by effective_at desc, observation_id desc
        ) as place
    from blood_pressure
    where systolic is not null and diastolic is not null
),

-- LOINC 4548-4: HbA1c in percent of haemoglobin.
hba1c_latest_first as (
    select
        source_id,
        patient_id,
        effective_at,
        value_number,
        row_number() over (
            partition by source_id, patient_id
            order by effective_at desc, observation_id desc
        ) as place
    from valid_observation
    where code = '4548-4' and value_number is not null
),

dated as (
    select
        patient.*,
        age_day.as_of_date,
        cast(patient.deceased_at as date) as deceased_date,
        -- A death without a day leaves the age open.
        case when patient.is_deceased then cast(patient.deceased_at as date) else age_day.as_of_date end as age_date
    from patient
    inner join age_day on patient.source_id = age_day.source_id
),

final as (
    select
        dated.patient_id,
        dated.source_id,
        dated.gender,
        dated.birth_date,
        {{ full_years_between('dated.birth_date', 'dated.age_date') }} as age_years,
        dated.is_deceased,
        dated.deceased_date,
        dated.race_text,
        dated.ethnicity_code,
        dated.state,
        coalesce(visits.encounter_count, 0) as encounter_count,
        coalesce(visits.inpatient_encounter_count, 0) as inpatient_encounter_count,
        coalesce(visits.emergency_encounter_count, 0) as emergency_encounter_count,
        coalesce(visits.ambulatory_encounter_count, 0) as ambulatory_encounter_count,
        visits.last_encounter_date,
        coalesce(problems.active_condition_count, 0) as active_condition_count,
        blood_pressure_latest_first.systolic as latest_systolic_mmhg,
        blood_pressure_latest_first.diastolic as latest_diastolic_mmhg,
        cast(blood_pressure_latest_first.effective_at as date) as latest_blood_pressure_date,
        hba1c_latest_first.value_number as latest_hba1c_percent,
        cast(hba1c_latest_first.effective_at as date) as latest_hba1c_date,
        dated.as_of_date
    from dated
    left join visits
        on
            dated.source_id = visits.source_id
            and dated.patient_id = visits.patient_id
    left join problems
        on
            dated.source_id = problems.source_id
            and dated.patient_id = problems.patient_id
    left join blood_pressure_latest_first
        on
            dated.source_id = blood_pressure_latest_first.source_id
            and dated.patient_id = blood_pressure_latest_first.patient_id
            and blood_pressure_latest_first.place = 1
    left join hba1c_latest_first
        on
            dated.source_id = hba1c_latest_first.source_id
            and dated.patient_id = hba1c_latest_first.patient_id
            and hba1c_latest_first.place = 1
)

select * from final
