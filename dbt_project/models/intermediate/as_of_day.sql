with

encounter as (
    select * from {{ ref('stg_encounter') }}
),

final as (
    select
        source_id,
        coalesce({{ stated_as_of() }}, max(start_date)) as as_of_date
    from encounter
    group by source_id
)

select * from final
