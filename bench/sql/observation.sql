select
    id as observation_id,
    case when starts_with(subject.reference, 'Patient/') then substr(subject.reference, 9) end as patient_id,
    case when starts_with(encounter.reference, 'Encounter/') then substr(encounter.reference, 11) end as encounter_id,
    status,
    category[1].coding[1].code as category,
    code.coding[1].system as code_system,
    code.coding[1].code as code,
    code.coding[1].display as code_display,
    effectiveDateTime as effective,
    valueQuantity.value as value_number,
    valueQuantity.unit as value_unit,
    valueCodeableConcept.coding[1].code as value_code,
    valueString as value_text,
    part.code.coding[1].code as component_code,
    part.valueQuantity.value as component_number,
    part.valueQuantity.unit as component_unit
from (
    select
        * exclude (component),
        unnest(case when len(component) > 0 then component else [null] end) as part
    from read_json(
        getvariable('input'),
        format = 'newline_delimited',
        columns = {
            id: 'varchar',
            subject: 'struct(reference varchar)',
            encounter: 'struct(reference varchar)',
            status: 'varchar',
            category: 'struct(coding struct(code varchar)[])[]',
            code: 'struct(coding struct(system varchar, code varchar, display varchar)[])',
            effectiveDateTime: 'varchar',
            valueQuantity: 'struct(value double, unit varchar)',
            valueCodeableConcept: 'struct(coding struct(code varchar)[])',
            valueString: 'varchar',
            component: 'struct(code struct(coding struct(code varchar)[]), valueQuantity struct(value double, unit varchar))[]'
        }
    )
)
