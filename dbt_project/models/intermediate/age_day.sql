with

as_of_day as (
    select * from {{ ref('as_of_day') }}
),

patient as (
    select * from {{ source('clinical', 'patient') }}
),

claim as (
    select * from {{ source('operations', 'claim') }}
),

claim_line as (
    select * from {{ source('operations', 'claim_line') }}
),

observation as (
    select * from {{ source('clinical', 'observation') }}
),

billed_or_observed as (
    select
        source_id,
        billable_start_at as given_at
    from claim
    where status = 'active' and use = 'claim'
    union all
    select
        source_id,
        billable_start_at as given_at
    from claim_line
    where status = 'active' and use = 'claim'
    union all
    select
        source_id,
        effective_at as given_at
    from observation
    where status in ('final', 'amended', 'corrected')
),

last_day as (
    select
        source_id,
        cast(max(given_at) as date) as given_date
    from billed_or_observed
    group by source_id
),

patient_source as (
    select distinct source_id
    from patient
),

final as (
    select
        patient_source.source_id,
        coalesce({{ stated_as_of() }}, as_of_day.as_of_date, last_day.given_date) as as_of_date
    from patient_source
    left join as_of_day on patient_source.source_id = as_of_day.source_id
    left join last_day on patient_source.source_id = last_day.source_id
)

select * from final
