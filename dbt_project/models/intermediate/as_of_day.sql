with

encounter as (
    select * from {{ ref('stg_encounter') }}
),

final as (
    select coalesce(cast(nullif('{{ var("as_of") }}', '') as date), max(start_date)) as as_of_date
    from encounter
)

select * from final
