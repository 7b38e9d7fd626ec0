select
  "id" as "observation_id",
  k_2 as "patient_id",
  case when k_2 is null then "subject"."reference" end as "patient_reference",
  k_1 as "encounter_id",
  case when k_1 is null then "encounter"."reference" end as "encounter_reference",
  "status" as "status",
  "category"[1]."coding"[1]."code" as "category_code",
  "code"."coding"[1]."system" as "code_system",
  "code"."coding"[1]."code" as "code",
  "code"."coding"[1]."display" as "code_display",
  coalesce(case when regexp_full_match("effectiveDateTime", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("effectiveDateTime" as timestamp)) end, case when not regexp_full_match("effectiveDateTime", '[0-9]{4}(-[0-9]{2})?') then error('column effective_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "effective_at",
  "effectiveDateTime" as "effective_text",
  "valueQuantity"."value" as "value_number",
  "valueQuantity"."unit" as "value_unit",
  "valueCodeableConcept"."coding"[1]."code" as "value_code",
  "valueCodeableConcept"."coding"[1]."display" as "value_display",
  "valueString" as "value_text",
  coalesce(case when regexp_full_match("meta"."lastUpdated", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("meta"."lastUpdated" as timestamp)) end, case when not regexp_full_match("meta"."lastUpdated", '[0-9]{4}(-[0-9]{2})?') then error('column last_updated_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "last_updated_at",
  cast(coalesce(i_1, 0) as integer) as "component_index",
  e_1."code"."coding"[1]."system" as "component_code_system",
  e_1."code"."coding"[1]."code" as "component_code",
  e_1."code"."coding"[1]."display" as "component_display",
  e_1."valueQuantity"."value" as "component_value_number",
  e_1."valueQuantity"."unit" as "component_value_unit",
  e_1."valueCodeableConcept"."coding"[1]."code" as "component_value_code"
from (
  select
    *,
    case when "encounter"."reference" like 'Encounter/%/%' then nullif(regexp_extract("encounter"."reference", '^Encounter/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when "encounter"."reference" = 'Encounter/' then null when starts_with("encounter"."reference", 'Encounter/') then substr("encounter"."reference", 11) end as k_1,
    case when "subject"."reference" like 'Patient/%/%' then nullif(regexp_extract("subject"."reference", '^Patient/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when "subject"."reference" = 'Patient/' then null when starts_with("subject"."reference", 'Patient/') then substr("subject"."reference", 9) end as k_2
  from (
    select *, unnest(case when len("component") > 0 then "component" else [null] end) as e_1, unnest(case when len("component") > 0 then range(len("component")) else [null] end) as i_1
    from (
      select *
      from src
      where ("resourceType" = 'Observation')
        and (not coalesce(len(list_filter("meta"."tag", lambda x_1: x_1."display" = 'SYSTEM_GENERATED')) > 0, false))
    )
  )
)
