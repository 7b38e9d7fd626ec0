-- Which encounters are one stay, twice: among all inpatient encounters, and among the acute ones alone.
-- First, encounters that touch or overlap are one block, at whatever facility: admission, intensive care and ward are
-- written as three encounters. Then a block that starts on the day, or the day after, the block before it ended, at
-- another facility, is a transfer and belongs to the same stay.
with

inpatient_encounter as (
    select * from {{ ref('inpatient_encounter') }}
),

scoped as (
    select
        inpatient_encounter.*,
        cast('inpatient' as varchar) as stay_kind
    from inpatient_encounter
    where admission_at is not null
    union all
    select
        inpatient_encounter.*,
        cast('acute' as varchar) as stay_kind
    from inpatient_encounter
    where admission_at is not null and is_acute
),

followed as (
    select
        scoped.*,
        max(occupied_until) over (
            partition by stay_kind, patient_key
            order by admission_at, occupied_until, encounter_id
            rows between unbounded preceding and 1 preceding
        ) as occupied_before_until
    from scoped
),

in_block as (
    select
        followed.*,
        cast(
            sum(case when admission_at <= occupied_before_until then 0 else 1 end) over (
                partition by stay_kind, patient_key
                order by admission_at, occupied_until, encounter_id
                rows between unbounded preceding and current row
            ) as bigint
        ) as block_number
    from followed
),

ranked as (
    select
        in_block.*,
        row_number() over (
            partition by stay_kind, patient_key, block_number
            order by admission_at, occupied_until, encounter_id
        ) as place_from_start,
        row_number() over (
            partition by stay_kind, patient_key, block_number
            order by occupied_until desc, admission_at desc, encounter_id desc
        ) as place_from_end
    from in_block
),

block as (
    select
        stay_kind,
        patient_key,
        block_number,
        min(admission_date) as admission_date,
        max(discharge_date) as discharge_date,
        max(case when place_from_start = 1 then encounter_id end) as first_encounter_id,
        max(case when place_from_start = 1 then facility_key end) as admitting_facility,
        max(case when place_from_end = 1 then facility_key end) as discharging_facility
    from ranked
    group by stay_kind, patient_key, block_number
),

before as (
    select
        block.*,
        lag(discharge_date) over (partition by stay_kind, patient_key order by block_number) as discharge_date_before,
        lag(discharging_facility) over (partition by stay_kind, patient_key order by block_number) as facility_before
    from block
),

-- A facility that is not known is not known to be another one: the comparison is null, and the block starts a stay.
-- A block that is still open has none after it.
in_stay as (
    select
        before.*,
        case
            when
                {{ days_between('discharge_date_before', 'admission_date') }} in (0, 1)
                and admitting_facility <> facility_before
                then 1
            else 0
        end as is_transfer
    from before
),

numbered as (
    select
        in_stay.*,
        cast(
            sum(1 - is_transfer) over (
                partition by stay_kind, patient_key
                order by block_number
                rows between unbounded preceding and current row
            ) as bigint
        ) as stay_number
    from in_stay
),

named as (
    select
        numbered.*,
        first_value(first_encounter_id) over (
            partition by stay_kind, patient_key, stay_number
            order by block_number
            rows between unbounded preceding and current row
        ) as stay_id
    from numbered
),

final as (
    select
        ranked.stay_kind,
        ranked.encounter_id,
        named.stay_id,
        row_number() over (
            partition by ranked.stay_kind, named.stay_id
            order by ranked.occupied_until desc, ranked.admission_at desc, ranked.encounter_id desc
        ) = 1 as is_last_of_stay,
        row_number() over (
            partition by ranked.stay_kind, named.stay_id
            order by ranked.admission_at, ranked.occupied_until, ranked.encounter_id
        ) = 1 as is_first_of_stay
    from ranked
    inner join named
        on
            ranked.stay_kind = named.stay_kind
            and ranked.patient_key = named.patient_key
            and ranked.block_number = named.block_number
)

select * from final
