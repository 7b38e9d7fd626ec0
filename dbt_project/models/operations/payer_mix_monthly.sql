with

claim_line as (
    select * from {{ source('operations', 'claim_line') }}
),

claim as (
    select * from {{ source('operations', 'claim') }}
),

payer_class as (
    select * from {{ ref('payer_class') }}
),

-- What was withdrawn, or only asked what would be paid, is not business done, be it the claim or the payer's answer.
-- A line without its claim counts.
billed as (
    select
        claim_line.*,
        -- The month needs no more than "2024-05", so it is taken from the text.
        try_cast(substring(claim_line.billable_start_text, 1, 7) || '-01' as date) as billing_month,
        coalesce(nullif(trim(claim_line.insurer_name), ''), nullif(trim(claim_line.coverage_name), ''), 'UNKNOWN')
            as payer_name,
        coalesce(claim_line.patient_id, claim_line.patient_reference) as patient_key,
        coalesce(claim_line.encounter_id, claim_line.encounter_reference) as encounter_key
    from claim_line
    left join claim
        on
            claim_line.source_id = claim.source_id
            and claim_line.claim_id = claim.claim_id
    where
        coalesce(claim_line.status, 'active') = 'active'
        and coalesce(claim_line.use, 'claim') = 'claim'
        and coalesce(claim.status, 'active') = 'active'
        and coalesce(claim.use, 'claim') = 'claim'
),

-- Amounts are added as decimals: a sum of doubles depends on the order of its rows, which no engine promises.
monthly as (
    select
        source_id,
        billing_month,
        payer_name,
        count(distinct explanation_of_benefit_id) as claim_count,
        count(*) as line_count,
        count(submitted_amount) as adjudicated_line_count,
        count(distinct encounter_key) as encounter_count,
        count(distinct patient_key) as patient_count,
        sum({{ exact_decimal('submitted_amount') }}) as submitted_amount,
        sum({{ exact_decimal('allowed_amount') }}) as allowed_amount,
        sum({{ exact_decimal('paid_amount') }}) as paid_amount,
        sum({{ exact_decimal('deductible_amount') }}) as deductible_amount,
        sum({{ exact_decimal('coinsurance_amount') }}) as coinsurance_amount
    from billed
    group by source_id, billing_month, payer_name
),

final as (
    select
        monthly.source_id,
        monthly.billing_month,
        monthly.payer_name,
        case
            when monthly.payer_name = 'UNKNOWN' then 'unknown'
            else coalesce(payer_class.payer_class, 'unmapped')
        end as payer_class,
        monthly.claim_count,
        monthly.line_count,
        monthly.adjudicated_line_count,
        monthly.encounter_count,
        monthly.patient_count,
        monthly.submitted_amount,
        monthly.allowed_amount,
        monthly.paid_amount,
        monthly.deductible_amount,
        monthly.coinsurance_amount,
        cast(monthly.claim_count as double)
        / sum(monthly.claim_count) over (partition by monthly.source_id, monthly.billing_month) as claim_share,
        cast(monthly.encounter_count as double)
        / nullif(sum(monthly.encounter_count) over (partition by monthly.source_id, monthly.billing_month), 0)
            as encounter_share,
        cast(monthly.submitted_amount as double)
        / nullif(
            cast(sum(monthly.submitted_amount) over (partition by monthly.source_id, monthly.billing_month) as double),
            0
        ) as submitted_share
    from monthly
    left join payer_class on monthly.payer_name = payer_class.payer_name
)

select * from final
