select
  "id" as "patient_id",
  list_filter(list_transform(list_filter("identifier", lambda x_1: coalesce(len(list_filter(x_1."type"."coding", lambda x_2: x_2."code" = 'MR')) > 0, false)), lambda x_1: x_1."value"), lambda v: v is not null)[1] as "medical_record_number",
  list_filter(list_transform(k_2, lambda x_1: x_1."family"), lambda v: v is not null)[1] as "family_name",
  list_filter(flatten(list_transform(k_2, lambda x_1: x_1."given")), lambda v: v is not null)[1] as "given_name",
  "gender" as "gender",
  list_filter(list_transform(list_filter("extension", lambda x_1: x_1."url" = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex'), lambda x_1: x_1."valueCode"), lambda v: v is not null)[1] as "birth_sex_code",
  coalesce(case when regexp_full_match("birthDate", '[0-9]{4}-[0-9]{2}-[0-9]{2}.*') then try_cast(substr("birthDate", 1, 10) as date) end, case when not regexp_full_match("birthDate", '[0-9]{4}(-[0-9]{2})?') then error('column birth_date: a value is no date, resource ' || coalesce("id", 'without id')) end) as "birth_date",
  "birthDate" as "birth_date_text",
  ("deceasedDateTime" is not null or coalesce(case when "deceasedBoolean" = 'true' then true when "deceasedBoolean" = 'false' then false when "deceasedBoolean" is not null then error('path: a value is no boolean, resource ' || coalesce("id", 'without id')) end and "deceasedBoolean" is not null, false)) as "is_deceased",
  coalesce(case when regexp_full_match("deceasedDateTime", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("deceasedDateTime" as timestamp)) end, case when not regexp_full_match("deceasedDateTime", '[0-9]{4}(-[0-9]{2})?') then error('column deceased_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "deceased_at",
  "deceasedDateTime" as "deceased_text",
  nullif(array_to_string(list_filter(list_transform(list_filter(flatten(list_transform(k_1, lambda x_1: x_1."extension")), lambda x_1: x_1."url" = 'ombCategory'), lambda x_1: x_1."valueCoding"."code"), lambda v: v is not null), ','), '') as "race_codes",
  list_filter(list_transform(list_filter(flatten(list_transform(k_1, lambda x_1: x_1."extension")), lambda x_1: x_1."url" = 'text'), lambda x_1: x_1."valueString"), lambda v: v is not null)[1] as "race_text",
  list_filter(list_transform(list_filter(flatten(list_transform(list_filter("extension", lambda x_1: x_1."url" = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity'), lambda x_1: x_1."extension")), lambda x_1: x_1."url" = 'ombCategory'), lambda x_1: x_1."valueCoding"."code"), lambda v: v is not null)[1] as "ethnicity_code",
  "maritalStatus"."coding"[1]."code" as "marital_status_code",
  "communication"[1]."language"."coding"[1]."code" as "language_code",
  "address"[1]."city" as "city",
  "address"[1]."state" as "state",
  "address"[1]."postalCode" as "postal_code",
  "address"[1]."country" as "country",
  coalesce(case when regexp_full_match("meta"."lastUpdated", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("meta"."lastUpdated" as timestamp)) end, case when not regexp_full_match("meta"."lastUpdated", '[0-9]{4}(-[0-9]{2})?') then error('column last_updated_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "last_updated_at"
from (
  select
    *,
    list_filter("extension", lambda x_1: x_1."url" = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race') as k_1,
    list_filter("name", lambda x_1: x_1."use" = 'official') as k_2
  from (
    select *
    from src
    where "resourceType" = 'Patient'
  )
)
