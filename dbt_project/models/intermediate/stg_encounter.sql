with

encounter as (
    select * from {{ source('clinical', 'encounter') }}
),

-- Neither a plan nor a mistake is a visit.
took_place as (
    select *
    from encounter
    where status not in ('planned', 'cancelled', 'entered-in-error')
),

final as (
    select
        source_id,
        encounter_id,
        patient_id,
        -- A reference that is not a relative one still names one patient of its source; an encounter of nobody stands
        -- alone.
        source_id || ' ' || coalesce(patient_id, patient_reference, 'encounter ' || encounter_id) as patient_key,
        patient_id is not null or patient_reference is not null as is_patient_known,

        status,
        class_code,
        -- HL7 v3 ActCode: ACUTE and NONAC are kinds of IMP.
        coalesce(class_code in ('IMP', 'ACUTE', 'NONAC'), false) as is_inpatient,
        type_system,
        type_code,
        type_display,
        discharge_disposition_code,

        coalesce(service_provider_id, service_provider_reference, service_provider_name) as facility_key,
        service_provider_name as facility_name,

        period_start_at as started_at,
        period_end_at as ended_at,
        cast(period_start_at as date) as start_date,
        cast(period_end_at as date) as end_date,
        -- FHIR: an end written as a day includes the whole day.
        length(period_end_text) = 10 as is_end_a_day,
        status in ('arrived', 'triaged', 'in-progress', 'onleave') and period_end_text is null as is_open
    from took_place
)

select * from final
