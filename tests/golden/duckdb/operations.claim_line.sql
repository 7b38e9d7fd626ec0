select
  "id" as "explanation_of_benefit_id",
  k_6 as "claim_id",
  case when k_6 is null then "claim"."reference" end as "claim_reference",
  k_5 as "patient_id",
  case when k_5 is null then "patient"."reference" end as "patient_reference",
  "type"."coding"[1]."code" as "type_code",
  "status" as "status",
  "use" as "use",
  "outcome" as "outcome_code",
  coalesce(case when regexp_full_match("billablePeriod"."start", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("billablePeriod"."start" as timestamp)) end, case when not regexp_full_match("billablePeriod"."start", '[0-9]{4}(-[0-9]{2})?') then error('column billable_start_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "billable_start_at",
  "billablePeriod"."start" as "billable_start_text",
  coalesce(case when regexp_full_match("billablePeriod"."end", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("billablePeriod"."end" as timestamp)) end, case when not regexp_full_match("billablePeriod"."end", '[0-9]{4}(-[0-9]{2})?') then error('column billable_end_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "billable_end_at",
  "billablePeriod"."end" as "billable_end_text",
  "insurer"."display" as "insurer_name",
  k_4 as "insurer_id",
  case when k_4 is null then "insurer"."reference" end as "insurer_reference",
  list_filter(list_transform(k_7, lambda x_1: x_1."coverage"."display"), lambda v: v is not null)[1] as "coverage_name",
  k_1 as "coverage_id",
  case when k_1 is null then list_filter(list_transform(k_7, lambda x_1: x_1."coverage"), lambda v: v is not null)[1]."reference" end as "coverage_reference",
  k_3 as "provider_id",
  case when k_3 is null then "provider"."reference" end as "provider_reference",
  coalesce(case when regexp_full_match("meta"."lastUpdated", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("meta"."lastUpdated" as timestamp)) end, case when not regexp_full_match("meta"."lastUpdated", '[0-9]{4}(-[0-9]{2})?') then error('column last_updated_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "last_updated_at",
  coalesce(case when regexp_full_match(e_1."sequence", '-?[0-9]+') then try_cast(e_1."sequence" as integer) end, case when e_1."sequence" is not null then error('column line_number: a value is no integer, resource ' || coalesce("id", 'without id')) end) as "line_number",
  k_2 as "encounter_id",
  case when k_2 is null then e_1."encounter"[1]."reference" end as "encounter_reference",
  e_1."productOrService"."coding"[1]."system" as "product_system",
  e_1."productOrService"."coding"[1]."code" as "product_code",
  e_1."productOrService"."coding"[1]."display" as "product_display",
  coalesce(case when regexp_full_match(e_1."servicedPeriod"."start", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast(e_1."servicedPeriod"."start" as timestamp)) end, case when not regexp_full_match(e_1."servicedPeriod"."start", '[0-9]{4}(-[0-9]{2})?') then error('column serviced_start_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "serviced_start_at",
  e_1."servicedPeriod"."start" as "serviced_start_text",
  coalesce(case when regexp_full_match(e_1."servicedPeriod"."end", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast(e_1."servicedPeriod"."end" as timestamp)) end, case when not regexp_full_match(e_1."servicedPeriod"."end", '[0-9]{4}(-[0-9]{2})?') then error('column serviced_end_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "serviced_end_at",
  e_1."servicedPeriod"."end" as "serviced_end_text",
  e_1."net"."value" as "net_amount",
  e_1."net"."currency" as "net_currency",
  list_filter(list_transform(list_filter(e_1."adjudication", lambda x_2: coalesce(len(list_filter(x_2."category"."coding", lambda x_3: (x_3."code" = 'submitted' or x_3."code" = 'https://bluebutton.cms.gov/resources/variables/line_sbmtd_chrg_amt'))) > 0, false)), lambda x_2: x_2."amount"."value"), lambda v: v is not null)[1] as "submitted_amount",
  list_filter(list_transform(list_filter(e_1."adjudication", lambda x_2: coalesce(len(list_filter(x_2."category"."coding", lambda x_3: (x_3."code" = 'eligible' or x_3."code" = 'https://bluebutton.cms.gov/resources/variables/line_alowd_chrg_amt'))) > 0, false)), lambda x_2: x_2."amount"."value"), lambda v: v is not null)[1] as "allowed_amount",
  list_filter(list_transform(list_filter(e_1."adjudication", lambda x_2: coalesce(len(list_filter(x_2."category"."coding", lambda x_3: (x_3."code" = 'deductible' or x_3."code" = 'https://bluebutton.cms.gov/resources/variables/line_bene_ptb_ddctbl_amt'))) > 0, false)), lambda x_2: x_2."amount"."value"), lambda v: v is not null)[1] as "deductible_amount",
  list_filter(list_transform(list_filter(e_1."adjudication", lambda x_2: coalesce(len(list_filter(x_2."category"."coding", lambda x_3: (x_3."code" = 'copay' or x_3."code" = 'https://bluebutton.cms.gov/resources/variables/line_coinsrnc_amt'))) > 0, false)), lambda x_2: x_2."amount"."value"), lambda v: v is not null)[1] as "coinsurance_amount",
  list_filter(list_transform(list_filter(e_1."adjudication", lambda x_2: coalesce(len(list_filter(x_2."category"."coding", lambda x_3: (x_3."code" = 'benefit' or x_3."code" = 'https://bluebutton.cms.gov/resources/variables/line_prvdr_pmt_amt'))) > 0, false)), lambda x_2: x_2."amount"."value"), lambda v: v is not null)[1] as "paid_amount",
  list_filter(list_transform(flatten(list_transform(e_1."adjudication", lambda x_2: x_2."reason"."coding")), lambda x_2: x_2."code"), lambda v: v is not null)[1] as "denial_reason_code"
from (
  select
    *,
    case when list_filter(list_transform(list_filter("insurance", lambda x_1: (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then error('path: a value is no boolean, resource ' || coalesce("id", 'without id')) end) = true), lambda x_1: x_1."coverage"), lambda v: v is not null)[1]."reference" like 'Coverage/%/%' then nullif(regexp_extract(list_filter(list_transform(list_filter("insurance", lambda x_1: (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then error('path: a value is no boolean, resource ' || coalesce("id", 'without id')) end) = true), lambda x_1: x_1."coverage"), lambda v: v is not null)[1]."reference", '^Coverage/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when list_filter(list_transform(list_filter("insurance", lambda x_1: (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then error('path: a value is no boolean, resource ' || coalesce("id", 'without id')) end) = true), lambda x_1: x_1."coverage"), lambda v: v is not null)[1]."reference" = 'Coverage/' then null when starts_with(list_filter(list_transform(list_filter("insurance", lambda x_1: (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then error('path: a value is no boolean, resource ' || coalesce("id", 'without id')) end) = true), lambda x_1: x_1."coverage"), lambda v: v is not null)[1]."reference", 'Coverage/') then substr(list_filter(list_transform(list_filter("insurance", lambda x_1: (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then error('path: a value is no boolean, resource ' || coalesce("id", 'without id')) end) = true), lambda x_1: x_1."coverage"), lambda v: v is not null)[1]."reference", 10) end as k_1,
    case when e_1."encounter"[1]."reference" like 'Encounter/%/%' then nullif(regexp_extract(e_1."encounter"[1]."reference", '^Encounter/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when e_1."encounter"[1]."reference" = 'Encounter/' then null when starts_with(e_1."encounter"[1]."reference", 'Encounter/') then substr(e_1."encounter"[1]."reference", 11) end as k_2,
    case when "provider"."reference" like 'Practitioner/%/%' then nullif(regexp_extract("provider"."reference", '^Practitioner/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when "provider"."reference" = 'Practitioner/' then null when starts_with("provider"."reference", 'Practitioner/') then substr("provider"."reference", 14) end as k_3,
    case when "insurer"."reference" like 'Organization/%/%' then nullif(regexp_extract("insurer"."reference", '^Organization/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when "insurer"."reference" = 'Organization/' then null when starts_with("insurer"."reference", 'Organization/') then substr("insurer"."reference", 14) end as k_4,
    case when "patient"."reference" like 'Patient/%/%' then nullif(regexp_extract("patient"."reference", '^Patient/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when "patient"."reference" = 'Patient/' then null when starts_with("patient"."reference", 'Patient/') then substr("patient"."reference", 9) end as k_5,
    case when "claim"."reference" like 'Claim/%/%' then nullif(regexp_extract("claim"."reference", '^Claim/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when "claim"."reference" = 'Claim/' then null when starts_with("claim"."reference", 'Claim/') then substr("claim"."reference", 7) end as k_6,
    list_filter("insurance", lambda x_1: (case when x_1."focal" = 'true' then true when x_1."focal" = 'false' then false when x_1."focal" is not null then error('path: a value is no boolean, resource ' || coalesce("id", 'without id')) end) = true) as k_7
  from (
    select *, unnest("item") as e_1
    from (
      select *
      from src
      where "resourceType" = 'ExplanationOfBenefit'
    )
  )
)
