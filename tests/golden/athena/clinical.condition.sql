select
  "id" as "condition_id",
  k_2 as "patient_id",
  case when k_2 is null then "subject"."reference" end as "patient_reference",
  k_1 as "encounter_id",
  case when k_1 is null then "encounter"."reference" end as "encounter_reference",
  element_at("clinicalStatus"."coding", 1)."code" as "clinical_status_code",
  element_at("verificationStatus"."coding", 1)."code" as "verification_status_code",
  element_at(element_at("category", 1)."coding", 1)."code" as "category_code",
  element_at("code"."coding", 1)."system" as "code_system",
  element_at("code"."coding", 1)."code" as "code",
  element_at("code"."coding", 1)."display" as "code_display",
  coalesce(case when regexp_like("onsetDateTime", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("onsetDateTime", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("onsetDateTime", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column onset_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "onset_at",
  "onsetDateTime" as "onset_text",
  coalesce(case when regexp_like("abatementDateTime", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("abatementDateTime", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("abatementDateTime", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column abatement_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "abatement_at",
  "abatementDateTime" as "abatement_text",
  coalesce(case when regexp_like("recordedDate", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("recordedDate", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("recordedDate", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column recorded_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "recorded_at",
  "recordedDate" as "recorded_text",
  coalesce(case when regexp_like("meta"."lastUpdated", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("meta"."lastUpdated", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("meta"."lastUpdated", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column last_updated_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "last_updated_at"
from (
  select
    *,
    case when "encounter"."reference" like 'Encounter/%/%' then regexp_extract("encounter"."reference", '^Encounter/([^/]+)(?:/_history/[^/]+)?\z', 1) when "encounter"."reference" = 'Encounter/' then null when starts_with("encounter"."reference", 'Encounter/') then substr("encounter"."reference", 11) end as k_1,
    case when "subject"."reference" like 'Patient/%/%' then regexp_extract("subject"."reference", '^Patient/([^/]+)(?:/_history/[^/]+)?\z', 1) when "subject"."reference" = 'Patient/' then null when starts_with("subject"."reference", 'Patient/') then substr("subject"."reference", 9) end as k_2
  from (
    select *
    from src
    where ("resourceType" = 'Condition')
      and (not coalesce(cardinality(filter("meta"."tag", x_1 -> x_1."display" = 'SYSTEM_GENERATED')) > 0, false))
  )
)
