select
    id as eob_id,
    case when starts_with(patient.reference, 'Patient/') then substr(patient.reference, 9) end as patient_id,
    case when starts_with(claim.reference, 'Claim/') then substr(claim.reference, 7) end as claim_id,
    type.coding[1].code as type_code,
    outcome,
    created,
    line.sequence as line,
    line.productOrService.coding[1].code as product_code,
    line.servicedPeriod.start as serviced,
    line.net.value as net,
    line.net.currency as currency,
    list_filter(line.adjudication, lambda a: a.category.coding[1].code = 'benefit')[1].amount.value as benefit
from (
    select * exclude (item), unnest(item) as line
    from read_json(
        getvariable('input'),
        format = 'newline_delimited',
        columns = {
            id: 'varchar',
            patient: 'struct(reference varchar)',
            claim: 'struct(reference varchar)',
            type: 'struct(coding struct(code varchar)[])',
            outcome: 'varchar',
            created: 'varchar',
            item: 'struct(
                sequence integer,
                productOrService struct(coding struct(code varchar)[]),
                servicedPeriod struct("start" varchar),
                net struct(value double, currency varchar),
                adjudication struct(category struct(coding struct(code varchar)[]), amount struct(value double))[]
            )[]'
        }
    )
)
