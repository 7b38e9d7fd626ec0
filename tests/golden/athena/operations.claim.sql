select
  "id" as "claim_id",
  k_5 as "patient_id",
  case when k_5 is null then "patient"."reference" end as "patient_reference",
  k_2 as "encounter_id",
  case when k_2 is null then element_at(flatten(transform("item", x_1 -> x_1."encounter")), 1)."reference" end as "encounter_reference",
  "status" as "status",
  "use" as "use",
  element_at("type"."coding", 1)."code" as "type_code",
  coalesce(case when regexp_like("billablePeriod"."start", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("billablePeriod"."start", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("billablePeriod"."start", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column billable_start_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "billable_start_at",
  "billablePeriod"."start" as "billable_start_text",
  coalesce(case when regexp_like("billablePeriod"."end", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("billablePeriod"."end", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("billablePeriod"."end", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column billable_end_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "billable_end_at",
  "billablePeriod"."end" as "billable_end_text",
  coalesce(case when regexp_like("created", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("created", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("created", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column created_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "created_at",
  "created" as "created_text",
  k_3 as "provider_id",
  case when k_3 is null then "provider"."reference" end as "provider_reference",
  k_4 as "facility_id",
  case when k_4 is null then "facility"."reference" end as "facility_reference",
  element_at(filter(transform(k_6, x_1 -> x_1."coverage"."display"), v -> v is not null), 1) as "payer_name",
  k_1 as "coverage_id",
  case when k_1 is null then element_at(filter(transform(k_6, x_1 -> x_1."coverage"), v -> v is not null), 1)."reference" end as "coverage_reference",
  "total"."value" as "total_amount",
  "total"."currency" as "total_currency",
  coalesce(case when regexp_like("meta"."lastUpdated", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("meta"."lastUpdated", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("meta"."lastUpdated", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column last_updated_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "last_updated_at"
from (
  select
    *,
    case when element_at(filter(transform(filter("insurance", x_1 -> (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then cast('path: a value is no boolean, resource ' || coalesce("id", 'without id') as boolean) end) = true), x_1 -> x_1."coverage"), v -> v is not null), 1)."reference" like 'Coverage/%/%' then regexp_extract(element_at(filter(transform(filter("insurance", x_1 -> (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then cast('path: a value is no boolean, resource ' || coalesce("id", 'without id') as boolean) end) = true), x_1 -> x_1."coverage"), v -> v is not null), 1)."reference", '^Coverage/([^/]+)(?:/_history/[^/]+)?\z', 1) when element_at(filter(transform(filter("insurance", x_1 -> (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then cast('path: a value is no boolean, resource ' || coalesce("id", 'without id') as boolean) end) = true), x_1 -> x_1."coverage"), v -> v is not null), 1)."reference" = 'Coverage/' then null when starts_with(element_at(filter(transform(filter("insurance", x_1 -> (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then cast('path: a value is no boolean, resource ' || coalesce("id", 'without id') as boolean) end) = true), x_1 -> x_1."coverage"), v -> v is not null), 1)."reference", 'Coverage/') then substr(element_at(filter(transform(filter("insurance", x_1 -> (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then cast('path: a value is no boolean, resource ' || coalesce("id", 'without id') as boolean) end) = true), x_1 -> x_1."coverage"), v -> v is not null), 1)."reference", 10) end as k_1,
    case when element_at(flatten(transform("item", x_1 -> x_1."encounter")), 1)."reference" like 'Encounter/%/%' then regexp_extract(element_at(flatten(transform("item", x_1 -> x_1."encounter")), 1)."reference", '^Encounter/([^/]+)(?:/_history/[^/]+)?\z', 1) when element_at(flatten(transform("item", x_1 -> x_1."encounter")), 1)."reference" = 'Encounter/' then null when starts_with(element_at(flatten(transform("item", x_1 -> x_1."encounter")), 1)."reference", 'Encounter/') then substr(element_at(flatten(transform("item", x_1 -> x_1."encounter")), 1)."reference", 11) end as k_2,
    case when "provider"."reference" like 'Organization/%/%' then regexp_extract("provider"."reference", '^Organization/([^/]+)(?:/_history/[^/]+)?\z', 1) when "provider"."reference" = 'Organization/' then null when starts_with("provider"."reference", 'Organization/') then substr("provider"."reference", 14) end as k_3,
    case when "facility"."reference" like 'Location/%/%' then regexp_extract("facility"."reference", '^Location/([^/]+)(?:/_history/[^/]+)?\z', 1) when "facility"."reference" = 'Location/' then null when starts_with("facility"."reference", 'Location/') then substr("facility"."reference", 10) end as k_4,
    case when "patient"."reference" like 'Patient/%/%' then regexp_extract("patient"."reference", '^Patient/([^/]+)(?:/_history/[^/]+)?\z', 1) when "patient"."reference" = 'Patient/' then null when starts_with("patient"."reference", 'Patient/') then substr("patient"."reference", 9) end as k_5,
    filter("insurance", x_1 -> (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then cast('path: a value is no boolean, resource ' || coalesce("id", 'without id') as boolean) end) = true) as k_6
  from (
    select *
    from src
    where "resourceType" = 'Claim'
  )
)
