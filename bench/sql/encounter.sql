select
    id as encounter_id,
    case when starts_with(subject.reference, 'Patient/') then substr(subject.reference, 9) end as patient_id,
    class.code as class,
    type[1].coding[1].code as type_code,
    type[1].coding[1].display as type_display,
    period.start as period_start,
    period.end as period_end,
    case when starts_with(participant[1].individual.reference, 'Practitioner/')
        then substr(participant[1].individual.reference, 14)
    end as practitioner_id,
    case when starts_with(serviceProvider.reference, 'Organization/')
        then substr(serviceProvider.reference, 14)
    end as hospital_id,
    reasonCode[1].coding[1].code as reason_code,
    hospitalization.dischargeDisposition.coding[1].code as discharged_to,
    case when starts_with(place.location.reference, 'Location/')
        then substr(place.location.reference, 10)
    end as location_id,
    place.period.start as location_start
from (
    select
        * exclude (location),
        unnest(case when len(location) > 0 then location else [null] end) as place
    from read_json(
        getvariable('input'),
        format = 'newline_delimited',
        columns = {
            id: 'varchar',
            status: 'varchar',
            subject: 'struct(reference varchar)',
            class: 'struct(code varchar)',
            type: 'struct(coding struct(code varchar, display varchar)[])[]',
            period: 'struct("start" varchar, "end" varchar)',
            participant: 'struct(individual struct(reference varchar))[]',
            serviceProvider: 'struct(reference varchar)',
            reasonCode: 'struct(coding struct(code varchar)[])[]',
            hospitalization: 'struct(dischargeDisposition struct(coding struct(code varchar)[]))',
            location: 'struct(location struct(reference varchar), period struct("start" varchar))[]'
        }
    )
    where status = 'finished'
)
