select
    id as patient_id,
    list_filter(identifier, lambda i: i.type.coding[1].code = 'MR')[1].value as record_number,
    official.family as family_name,
    official.given[1] as given_name,
    gender,
    birthDate as birth_date,
    deceasedBoolean as is_deceased,
    deceasedDateTime as deceased_at,
    list_filter(race, lambda e: e.url = 'ombCategory')[1].valueCoding.code as race_code,
    list_filter(race, lambda e: e.url = 'text')[1].valueString as race_text,
    list_filter(ethnicity, lambda e: e.url = 'ombCategory')[1].valueCoding.code as ethnicity_code,
    maritalStatus.coding[1].code as marital_status,
    communication[1].language.coding[1].code as language,
    address[1].city as city,
    address[1].state as state,
    address[1].postalCode as postal_code,
    case when starts_with(managingOrganization.reference, 'Organization/')
        then substr(managingOrganization.reference, 14)
    end as clinic_id
from (
    select
        *,
        list_filter(name, lambda n: n.use = 'official')[1] as official,
        list_filter(extension, lambda e: e.url = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race')[1]
            .extension as race,
        list_filter(extension, lambda e: e.url = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity')[1]
            .extension as ethnicity
    from read_json(
        getvariable('input'),
        format = 'newline_delimited',
        columns = {
            id: 'varchar',
            identifier: 'struct(type struct(coding struct(code varchar)[]), value varchar)[]',
            name: 'struct(use varchar, family varchar, given varchar[])[]',
            gender: 'varchar',
            birthDate: 'varchar',
            deceasedBoolean: 'boolean',
            deceasedDateTime: 'varchar',
            extension: 'struct(url varchar, extension struct(url varchar, valueCoding struct(code varchar), valueString varchar)[])[]',
            maritalStatus: 'struct(coding struct(code varchar)[])',
            communication: 'struct(language struct(coding struct(code varchar)[]))[]',
            address: 'struct(city varchar, state varchar, postalCode varchar)[]',
            managingOrganization: 'struct(reference varchar)'
        }
    )
)
