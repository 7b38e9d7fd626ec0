select
  "id" as "condition_id",
  k_2 as "patient_id",
  case when k_2 is null then "subject"."reference" end as "patient_reference",
  k_1 as "encounter_id",
  case when k_1 is null then "encounter"."reference" end as "encounter_reference",
  "clinicalStatus"."coding"[1]."code" as "clinical_status_code",
  "verificationStatus"."coding"[1]."code" as "verification_status_code",
  "category"[1]."coding"[1]."code" as "category_code",
  "code"."coding"[1]."system" as "code_system",
  "code"."coding"[1]."code" as "code",
  "code"."coding"[1]."display" as "code_display",
  coalesce(case when regexp_full_match("onsetDateTime", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("onsetDateTime" as timestamp)) end, case when not regexp_full_match("onsetDateTime", '[0-9]{4}(-[0-9]{2})?') then error('column onset_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "onset_at",
  "onsetDateTime" as "onset_text",
  coalesce(case when regexp_full_match("abatementDateTime", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("abatementDateTime" as timestamp)) end, case when not regexp_full_match("abatementDateTime", '[0-9]{4}(-[0-9]{2})?') then error('column abatement_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "abatement_at",
  "abatementDateTime" as "abatement_text",
  coalesce(case when regexp_full_match("recordedDate", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("recordedDate" as timestamp)) end, case when not regexp_full_match("recordedDate", '[0-9]{4}(-[0-9]{2})?') then error('column recorded_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "recorded_at",
  "recordedDate" as "recorded_text",
  coalesce(case when regexp_full_match("meta"."lastUpdated", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("meta"."lastUpdated" as timestamp)) end, case when not regexp_full_match("meta"."lastUpdated", '[0-9]{4}(-[0-9]{2})?') then error('column last_updated_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "last_updated_at"
from (
  select
    *,
    case when "encounter"."reference" like 'Encounter/%/%' then nullif(regexp_extract("encounter"."reference", '^Encounter/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when "encounter"."reference" = 'Encounter/' then null when starts_with("encounter"."reference", 'Encounter/') then substr("encounter"."reference", 11) end as k_1,
    case when "subject"."reference" like 'Patient/%/%' then nullif(regexp_extract("subject"."reference", '^Patient/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when "subject"."reference" = 'Patient/' then null when starts_with("subject"."reference", 'Patient/') then substr("subject"."reference", 9) end as k_2
  from (
    select *
    from src
    where ("resourceType" = 'Condition')
      and (not coalesce(len(list_filter("meta"."tag", lambda x_1: x_1."display" = 'SYSTEM_GENERATED')) > 0, false))
  )
)
