with

as_of_day as (
    select * from {{ ref('as_of_day') }}
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
    select billable_start_at as given_at
    from claim
    where status = 'active' and use = 'claim'
    union all
    select billable_start_at as given_at
    from claim_line
    where status = 'active' and use = 'claim'
    union all
    select effective_at as given_at
    from observation
    where status in ('final', 'amended', 'corrected')
),

last_day as (
    select cast(max(given_at) as date) as given_date
    from billed_or_observed
),

final as (
    select coalesce(as_of_day.as_of_date, last_day.given_date) as as_of_date
    from as_of_day
    cross join last_day
)

select * from final
