select
  "id" as "explanation_of_benefit_id",
  k_6 as "claim_id",
  case when k_6 is null then "claim"."reference" end as "claim_reference",
  k_5 as "patient_id",
  case when k_5 is null then "patient"."reference" end as "patient_reference",
  element_at("type"."coding", 1)."code" as "type_code",
  "status" as "status",
  "use" as "use",
  "outcome" as "outcome_code",
  coalesce(case when regexp_like("billablePeriod"."start", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("billablePeriod"."start", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("billablePeriod"."start", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column billable_start_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "billable_start_at",
  "billablePeriod"."start" as "billable_start_text",
  coalesce(case when regexp_like("billablePeriod"."end", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("billablePeriod"."end", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("billablePeriod"."end", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column billable_end_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "billable_end_at",
  "billablePeriod"."end" as "billable_end_text",
  "insurer"."display" as "insurer_name",
  k_4 as "insurer_id",
  case when k_4 is null then "insurer"."reference" end as "insurer_reference",
  element_at(filter(transform(k_7, x_1 -> x_1."coverage"."display"), v -> v is not null), 1) as "coverage_name",
  k_1 as "coverage_id",
  case when k_1 is null then element_at(filter(transform(k_7, x_1 -> x_1."coverage"), v -> v is not null), 1)."reference" end as "coverage_reference",
  k_3 as "provider_id",
  case when k_3 is null then "provider"."reference" end as "provider_reference",
  coalesce(case when regexp_like("meta"."lastUpdated", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("meta"."lastUpdated", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("meta"."lastUpdated", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column last_updated_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "last_updated_at",
  coalesce(case when regexp_like(e_1."sequence", '^(?:-?[0-9]+)\z') then try_cast(e_1."sequence" as integer) end, case when e_1."sequence" is not null then cast('column line_number: a value is no integer, resource ' || coalesce("id", 'without id') as integer) end) as "line_number",
  k_2 as "encounter_id",
  case when k_2 is null then element_at(e_1."encounter", 1)."reference" end as "encounter_reference",
  element_at(e_1."productOrService"."coding", 1)."system" as "product_system",
  element_at(e_1."productOrService"."coding", 1)."code" as "product_code",
  element_at(e_1."productOrService"."coding", 1)."display" as "product_display",
  coalesce(case when regexp_like(e_1."servicedPeriod"."start", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract(e_1."servicedPeriod"."start", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like(e_1."servicedPeriod"."start", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column serviced_start_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "serviced_start_at",
  e_1."servicedPeriod"."start" as "serviced_start_text",
  coalesce(case when regexp_like(e_1."servicedPeriod"."end", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract(e_1."servicedPeriod"."end", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like(e_1."servicedPeriod"."end", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column serviced_end_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "serviced_end_at",
  e_1."servicedPeriod"."end" as "serviced_end_text",
  e_1."net"."value" as "net_amount",
  e_1."net"."currency" as "net_currency",
  element_at(filter(transform(filter(e_1."adjudication", x_2 -> coalesce(cardinality(filter(x_2."category"."coding", x_3 -> (x_3."code" = 'submitted' or x_3."code" = 'https://bluebutton.cms.gov/resources/variables/line_sbmtd_chrg_amt'))) > 0, false)), x_2 -> x_2."amount"."value"), v -> v is not null), 1) as "submitted_amount",
  element_at(filter(transform(filter(e_1."adjudication", x_2 -> coalesce(cardinality(filter(x_2."category"."coding", x_3 -> (x_3."code" = 'eligible' or x_3."code" = 'https://bluebutton.cms.gov/resources/variables/line_alowd_chrg_amt'))) > 0, false)), x_2 -> x_2."amount"."value"), v -> v is not null), 1) as "allowed_amount",
  element_at(filter(transform(filter(e_1."adjudication", x_2 -> coalesce(cardinality(filter(x_2."category"."coding", x_3 -> (x_3."code" = 'deductible' or x_3."code" = 'https://bluebutton.cms.gov/resources/variables/line_bene_ptb_ddctbl_amt'))) > 0, false)), x_2 -> x_2."amount"."value"), v -> v is not null), 1) as "deductible_amount",
  element_at(filter(transform(filter(e_1."adjudication", x_2 -> coalesce(cardinality(filter(x_2."category"."coding", x_3 -> (x_3."code" = 'copay' or x_3."code" = 'https://bluebutton.cms.gov/resources/variables/line_coinsrnc_amt'))) > 0, false)), x_2 -> x_2."amount"."value"), v -> v is not null), 1) as "coinsurance_amount",
  element_at(filter(transform(filter(e_1."adjudication", x_2 -> coalesce(cardinality(filter(x_2."category"."coding", x_3 -> (x_3."code" = 'benefit' or x_3."code" = 'https://bluebutton.cms.gov/resources/variables/line_prvdr_pmt_amt'))) > 0, false)), x_2 -> x_2."amount"."value"), v -> v is not null), 1) as "paid_amount",
  element_at(filter(transform(flatten(transform(e_1."adjudication", x_2 -> x_2."reason"."coding")), x_2 -> x_2."code"), v -> v is not null), 1) as "denial_reason_code"
from (
  select
    *,
    case when element_at(filter(transform(filter("insurance", x_1 -> (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then cast('path: a value is no boolean, resource ' || coalesce("id", 'without id') as boolean) end) = true), x_1 -> x_1."coverage"), v -> v is not null), 1)."reference" like 'Coverage/%/%' then regexp_extract(element_at(filter(transform(filter("insurance", x_1 -> (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then cast('path: a value is no boolean, resource ' || coalesce("id", 'without id') as boolean) end) = true), x_1 -> x_1."coverage"), v -> v is not null), 1)."reference", '^Coverage/([^/]+)(?:/_history/[^/]+)?\z', 1) when element_at(filter(transform(filter("insurance", x_1 -> (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then cast('path: a value is no boolean, resource ' || coalesce("id", 'without id') as boolean) end) = true), x_1 -> x_1."coverage"), v -> v is not null), 1)."reference" = 'Coverage/' then null when starts_with(element_at(filter(transform(filter("insurance", x_1 -> (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then cast('path: a value is no boolean, resource ' || coalesce("id", 'without id') as boolean) end) = true), x_1 -> x_1."coverage"), v -> v is not null), 1)."reference", 'Coverage/') then substr(element_at(filter(transform(filter("insurance", x_1 -> (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then cast('path: a value is no boolean, resource ' || coalesce("id", 'without id') as boolean) end) = true), x_1 -> x_1."coverage"), v -> v is not null), 1)."reference", 10) end as k_1,
    case when element_at(e_1."encounter", 1)."reference" like 'Encounter/%/%' then regexp_extract(element_at(e_1."encounter", 1)."reference", '^Encounter/([^/]+)(?:/_history/[^/]+)?\z', 1) when element_at(e_1."encounter", 1)."reference" = 'Encounter/' then null when starts_with(element_at(e_1."encounter", 1)."reference", 'Encounter/') then substr(element_at(e_1."encounter", 1)."reference", 11) end as k_2,
    case when "provider"."reference" like 'Practitioner/%/%' then regexp_extract("provider"."reference", '^Practitioner/([^/]+)(?:/_history/[^/]+)?\z', 1) when "provider"."reference" = 'Practitioner/' then null when starts_with("provider"."reference", 'Practitioner/') then substr("provider"."reference", 14) end as k_3,
    case when "insurer"."reference" like 'Organization/%/%' then regexp_extract("insurer"."reference", '^Organization/([^/]+)(?:/_history/[^/]+)?\z', 1) when "insurer"."reference" = 'Organization/' then null when starts_with("insurer"."reference", 'Organization/') then substr("insurer"."reference", 14) end as k_4,
    case when "patient"."reference" like 'Patient/%/%' then regexp_extract("patient"."reference", '^Patient/([^/]+)(?:/_history/[^/]+)?\z', 1) when "patient"."reference" = 'Patient/' then null when starts_with("patient"."reference", 'Patient/') then substr("patient"."reference", 9) end as k_5,
    case when "claim"."reference" like 'Claim/%/%' then regexp_extract("claim"."reference", '^Claim/([^/]+)(?:/_history/[^/]+)?\z', 1) when "claim"."reference" = 'Claim/' then null when starts_with("claim"."reference", 'Claim/') then substr("claim"."reference", 7) end as k_6,
    filter("insurance", x_1 -> (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then cast('path: a value is no boolean, resource ' || coalesce("id", 'without id') as boolean) end) = true) as k_7
  from (
    select q.*, u.e_1
    from (
      select *
      from src
      where "resourceType" = 'ExplanationOfBenefit'
    ) q
    cross join unnest(transform("item", v -> row(v))) with ordinality as u(e_1, position)
  )
)
