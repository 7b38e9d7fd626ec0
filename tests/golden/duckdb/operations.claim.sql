select
  "id" as "claim_id",
  k_5 as "patient_id",
  case when k_5 is null then "patient"."reference" end as "patient_reference",
  k_2 as "encounter_id",
  case when k_2 is null then flatten(list_transform("item", lambda x_1: x_1."encounter"))[1]."reference" end as "encounter_reference",
  "status" as "status",
  "use" as "use",
  "type"."coding"[1]."code" as "type_code",
  coalesce(case when regexp_full_match("billablePeriod"."start", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("billablePeriod"."start" as timestamp)) end, case when not regexp_full_match("billablePeriod"."start", '[0-9]{4}(-[0-9]{2})?') then error('column billable_start_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "billable_start_at",
  "billablePeriod"."start" as "billable_start_text",
  coalesce(case when regexp_full_match("billablePeriod"."end", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("billablePeriod"."end" as timestamp)) end, case when not regexp_full_match("billablePeriod"."end", '[0-9]{4}(-[0-9]{2})?') then error('column billable_end_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "billable_end_at",
  "billablePeriod"."end" as "billable_end_text",
  coalesce(case when regexp_full_match("created", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("created" as timestamp)) end, case when not regexp_full_match("created", '[0-9]{4}(-[0-9]{2})?') then error('column created_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "created_at",
  "created" as "created_text",
  k_3 as "provider_id",
  case when k_3 is null then "provider"."reference" end as "provider_reference",
  k_4 as "facility_id",
  case when k_4 is null then "facility"."reference" end as "facility_reference",
  list_filter(list_transform(k_6, lambda x_1: x_1."coverage"."display"), lambda v: v is not null)[1] as "payer_name",
  k_1 as "coverage_id",
  case when k_1 is null then list_filter(list_transform(k_6, lambda x_1: x_1."coverage"), lambda v: v is not null)[1]."reference" end as "coverage_reference",
  "total"."value" as "total_amount",
  "total"."currency" as "total_currency",
  coalesce(case when regexp_full_match("meta"."lastUpdated", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("meta"."lastUpdated" as timestamp)) end, case when not regexp_full_match("meta"."lastUpdated", '[0-9]{4}(-[0-9]{2})?') then error('column last_updated_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "last_updated_at"
from (
  select
    *,
    case when list_filter(list_transform(list_filter("insurance", lambda x_1: (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then error('path: a value is no boolean, resource ' || coalesce("id", 'without id')) end) = true), lambda x_1: x_1."coverage"), lambda v: v is not null)[1]."reference" like 'Coverage/%/%' then nullif(regexp_extract(list_filter(list_transform(list_filter("insurance", lambda x_1: (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then error('path: a value is no boolean, resource ' || coalesce("id", 'without id')) end) = true), lambda x_1: x_1."coverage"), lambda v: v is not null)[1]."reference", '^Coverage/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when list_filter(list_transform(list_filter("insurance", lambda x_1: (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then error('path: a value is no boolean, resource ' || coalesce("id", 'without id')) end) = true), lambda x_1: x_1."coverage"), lambda v: v is not null)[1]."reference" = 'Coverage/' then null when starts_with(list_filter(list_transform(list_filter("insurance", lambda x_1: (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then error('path: a value is no boolean, resource ' || coalesce("id", 'without id')) end) = true), lambda x_1: x_1."coverage"), lambda v: v is not null)[1]."reference", 'Coverage/') then substr(list_filter(list_transform(list_filter("insurance", lambda x_1: (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then error('path: a value is no boolean, resource ' || coalesce("id", 'without id')) end) = true), lambda x_1: x_1."coverage"), lambda v: v is not null)[1]."reference", 10) end as k_1,
    case when flatten(list_transform("item", lambda x_1: x_1."encounter"))[1]."reference" like 'Encounter/%/%' then nullif(regexp_extract(flatten(list_transform("item", lambda x_1: x_1."encounter"))[1]."reference", '^Encounter/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when flatten(list_transform("item", lambda x_1: x_1."encounter"))[1]."reference" = 'Encounter/' then null when starts_with(flatten(list_transform("item", lambda x_1: x_1."encounter"))[1]."reference", 'Encounter/') then substr(flatten(list_transform("item", lambda x_1: x_1."encounter"))[1]."reference", 11) end as k_2,
    case when "provider"."reference" like 'Organization/%/%' then nullif(regexp_extract("provider"."reference", '^Organization/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when "provider"."reference" = 'Organization/' then null when starts_with("provider"."reference", 'Organization/') then substr("provider"."reference", 14) end as k_3,
    case when "facility"."reference" like 'Location/%/%' then nullif(regexp_extract("facility"."reference", '^Location/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when "facility"."reference" = 'Location/' then null when starts_with("facility"."reference", 'Location/') then substr("facility"."reference", 10) end as k_4,
    case when "patient"."reference" like 'Patient/%/%' then nullif(regexp_extract("patient"."reference", '^Patient/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when "patient"."reference" = 'Patient/' then null when starts_with("patient"."reference", 'Patient/') then substr("patient"."reference", 9) end as k_5,
    list_filter("insurance", lambda x_1: (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then error('path: a value is no boolean, resource ' || coalesce("id", 'without id')) end) = true) as k_6
  from (
    select *
    from src
    where "resourceType" = 'Claim'
  )
)
