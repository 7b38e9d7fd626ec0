select
  "id" as "patient_id",
  element_at(filter(transform(filter("identifier", x_1 -> coalesce(cardinality(filter(x_1."type"."coding", x_2 -> x_2."code" = 'MR')) > 0, false)), x_1 -> x_1."value"), v -> v is not null), 1) as "medical_record_number",
  element_at(filter(transform(k_2, x_1 -> x_1."family"), v -> v is not null), 1) as "family_name",
  element_at(filter(flatten(transform(k_2, x_1 -> x_1."given")), v -> v is not null), 1) as "given_name",
  "gender" as "gender",
  element_at(filter(transform(filter("extension", x_1 -> x_1."url" = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex'), x_1 -> x_1."valueCode"), v -> v is not null), 1) as "birth_sex_code",
  coalesce(case when regexp_like("birthDate", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}.*)\z') then try_cast(substr("birthDate", 1, 10) as date) end, case when not regexp_like("birthDate", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column birth_date: a value is no date, resource ' || coalesce("id", 'without id') as date) end) as "birth_date",
  "birthDate" as "birth_date_text",
  ("deceasedDateTime" is not null or coalesce(case when "deceasedBoolean" = 'true' then true when "deceasedBoolean" = 'false' then false when "deceasedBoolean" is not null then cast('path: a value is no boolean, resource ' || coalesce("id", 'without id') as boolean) end and "deceasedBoolean" is not null, false)) as "is_deceased",
  coalesce(case when regexp_like("deceasedDateTime", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("deceasedDateTime", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("deceasedDateTime", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column deceased_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "deceased_at",
  "deceasedDateTime" as "deceased_text",
  nullif(array_join(filter(transform(filter(flatten(transform(k_1, x_1 -> x_1."extension")), x_1 -> x_1."url" = 'ombCategory'), x_1 -> x_1."valueCoding"."code"), v -> v is not null), ','), '') as "race_codes",
  element_at(filter(transform(filter(flatten(transform(k_1, x_1 -> x_1."extension")), x_1 -> x_1."url" = 'text'), x_1 -> x_1."valueString"), v -> v is not null), 1) as "race_text",
  element_at(filter(transform(filter(flatten(transform(filter("extension", x_1 -> x_1."url" = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity'), x_1 -> x_1."extension")), x_1 -> x_1."url" = 'ombCategory'), x_1 -> x_1."valueCoding"."code"), v -> v is not null), 1) as "ethnicity_code",
  element_at("maritalStatus"."coding", 1)."code" as "marital_status_code",
  element_at(element_at("communication", 1)."language"."coding", 1)."code" as "language_code",
  element_at("address", 1)."city" as "city",
  element_at("address", 1)."state" as "state",
  element_at("address", 1)."postalCode" as "postal_code",
  element_at("address", 1)."country" as "country",
  coalesce(case when regexp_like("meta"."lastUpdated", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("meta"."lastUpdated", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("meta"."lastUpdated", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column last_updated_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "last_updated_at"
from (
  select
    *,
    filter("extension", x_1 -> x_1."url" = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race') as k_1,
    filter("name", x_1 -> x_1."use" = 'official') as k_2
  from (
    select *
    from src
    where "resourceType" = 'Patient'
  )
)
