select
  "id" as "encounter_id",
  k_5 as "patient_id",
  case when k_5 is null then "subject"."reference" end as "patient_reference",
  "status" as "status",
  "class"."code" as "class_code",
  element_at(element_at("type", 1)."coding", 1)."system" as "type_system",
  element_at(element_at("type", 1)."coding", 1)."code" as "type_code",
  element_at(element_at("type", 1)."coding", 1)."display" as "type_display",
  coalesce(case when regexp_like("period"."start", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("period"."start", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("period"."start", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column period_start_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "period_start_at",
  "period"."start" as "period_start_text",
  coalesce(case when regexp_like("period"."end", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("period"."end", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("period"."end", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column period_end_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "period_end_at",
  "period"."end" as "period_end_text",
  k_4 as "part_of_id",
  case when k_4 is null then "partOf"."reference" end as "part_of_reference",
  k_3 as "service_provider_id",
  case when k_3 is null then "serviceProvider"."reference" end as "service_provider_reference",
  "serviceProvider"."display" as "service_provider_name",
  k_1 as "practitioner_id",
  case when k_1 is null then element_at("participant", 1)."individual"."reference" end as "practitioner_reference",
  k_2 as "location_id",
  case when k_2 is null then element_at("location", 1)."location"."reference" end as "location_reference",
  element_at(element_at("reasonCode", 1)."coding", 1)."code" as "reason_code",
  element_at(element_at("reasonCode", 1)."coding", 1)."display" as "reason_display",
  element_at("hospitalization"."admitSource"."coding", 1)."code" as "admit_source_code",
  element_at("hospitalization"."dischargeDisposition"."coding", 1)."code" as "discharge_disposition_code",
  coalesce(case when regexp_like("meta"."lastUpdated", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("meta"."lastUpdated", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("meta"."lastUpdated", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column last_updated_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "last_updated_at"
from (
  select
    *,
    case when element_at("participant", 1)."individual"."reference" like 'Practitioner/%/%' then regexp_extract(element_at("participant", 1)."individual"."reference", '^Practitioner/([^/]+)(?:/_history/[^/]+)?\z', 1) when element_at("participant", 1)."individual"."reference" = 'Practitioner/' then null when starts_with(element_at("participant", 1)."individual"."reference", 'Practitioner/') then substr(element_at("participant", 1)."individual"."reference", 14) end as k_1,
    case when element_at("location", 1)."location"."reference" like 'Location/%/%' then regexp_extract(element_at("location", 1)."location"."reference", '^Location/([^/]+)(?:/_history/[^/]+)?\z', 1) when element_at("location", 1)."location"."reference" = 'Location/' then null when starts_with(element_at("location", 1)."location"."reference", 'Location/') then substr(element_at("location", 1)."location"."reference", 10) end as k_2,
    case when "serviceProvider"."reference" like 'Organization/%/%' then regexp_extract("serviceProvider"."reference", '^Organization/([^/]+)(?:/_history/[^/]+)?\z', 1) when "serviceProvider"."reference" = 'Organization/' then null when starts_with("serviceProvider"."reference", 'Organization/') then substr("serviceProvider"."reference", 14) end as k_3,
    case when "partOf"."reference" like 'Encounter/%/%' then regexp_extract("partOf"."reference", '^Encounter/([^/]+)(?:/_history/[^/]+)?\z', 1) when "partOf"."reference" = 'Encounter/' then null when starts_with("partOf"."reference", 'Encounter/') then substr("partOf"."reference", 11) end as k_4,
    case when "subject"."reference" like 'Patient/%/%' then regexp_extract("subject"."reference", '^Patient/([^/]+)(?:/_history/[^/]+)?\z', 1) when "subject"."reference" = 'Patient/' then null when starts_with("subject"."reference", 'Patient/') then substr("subject"."reference", 9) end as k_5
  from (
    select *
    from src
    where "resourceType" = 'Encounter'
  )
)
