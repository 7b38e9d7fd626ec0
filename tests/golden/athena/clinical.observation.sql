select
  "id" as "observation_id",
  k_2 as "patient_id",
  case when k_2 is null then "subject"."reference" end as "patient_reference",
  k_1 as "encounter_id",
  case when k_1 is null then "encounter"."reference" end as "encounter_reference",
  "status" as "status",
  element_at(element_at("category", 1)."coding", 1)."code" as "category_code",
  element_at("code"."coding", 1)."system" as "code_system",
  element_at("code"."coding", 1)."code" as "code",
  element_at("code"."coding", 1)."display" as "code_display",
  coalesce(case when regexp_like("effectiveDateTime", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("effectiveDateTime", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("effectiveDateTime", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column effective_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "effective_at",
  "effectiveDateTime" as "effective_text",
  "valueQuantity"."value" as "value_number",
  "valueQuantity"."unit" as "value_unit",
  element_at("valueCodeableConcept"."coding", 1)."code" as "value_code",
  element_at("valueCodeableConcept"."coding", 1)."display" as "value_display",
  "valueString" as "value_text",
  coalesce(case when regexp_like("meta"."lastUpdated", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("meta"."lastUpdated", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("meta"."lastUpdated", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column last_updated_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "last_updated_at",
  cast(coalesce(i_1, 0) as integer) as "component_index",
  element_at(e_1."code"."coding", 1)."system" as "component_code_system",
  element_at(e_1."code"."coding", 1)."code" as "component_code",
  element_at(e_1."code"."coding", 1)."display" as "component_display",
  e_1."valueQuantity"."value" as "component_value_number",
  e_1."valueQuantity"."unit" as "component_value_unit",
  element_at(e_1."valueCodeableConcept"."coding", 1)."code" as "component_value_code"
from (
  select
    *,
    case when "encounter"."reference" like 'Encounter/%/%' then regexp_extract("encounter"."reference", '^Encounter/([^/]+)(?:/_history/[^/]+)?\z', 1) when "encounter"."reference" = 'Encounter/' then null when starts_with("encounter"."reference", 'Encounter/') then substr("encounter"."reference", 11) end as k_1,
    case when "subject"."reference" like 'Patient/%/%' then regexp_extract("subject"."reference", '^Patient/([^/]+)(?:/_history/[^/]+)?\z', 1) when "subject"."reference" = 'Patient/' then null when starts_with("subject"."reference", 'Patient/') then substr("subject"."reference", 9) end as k_2
  from (
    select q.*, u.e_1, u.i_1 - 1 as i_1
    from (
      select *
      from src
      where ("resourceType" = 'Observation')
        and (not coalesce(cardinality(filter("meta"."tag", x_1 -> x_1."display" = 'SYSTEM_GENERATED')) > 0, false))
    ) q
    left join unnest(transform("component", v -> row(v))) with ordinality as u(e_1, i_1) on true
  )
)
