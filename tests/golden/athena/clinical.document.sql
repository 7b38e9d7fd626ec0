select
  "id" as "document_id",
  k_4 as "patient_id",
  case when k_4 is null then "subject"."reference" end as "patient_reference",
  k_1 as "encounter_id",
  case when k_1 is null then element_at("context"."encounter", 1)."reference" end as "encounter_reference",
  "status" as "status",
  "docStatus" as "doc_status",
  element_at("type"."coding", 1)."system" as "type_system",
  element_at("type"."coding", 1)."code" as "type_code",
  element_at("type"."coding", 1)."display" as "type_display",
  element_at(element_at("category", 1)."coding", 1)."system" as "category_system",
  element_at(element_at("category", 1)."coding", 1)."code" as "category_code",
  element_at(element_at("category", 1)."coding", 1)."display" as "category_display",
  coalesce(case when regexp_like("date", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("date", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("date", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column recorded_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "recorded_at",
  "date" as "recorded_text",
  k_2 as "practitioner_id",
  case when k_2 is null then element_at("author", 1)."reference" end as "practitioner_reference",
  element_at("author", 1)."display" as "author_name",
  k_3 as "custodian_id",
  case when k_3 is null then "custodian"."reference" end as "custodian_reference",
  element_at("content", 1)."attachment"."contentType" as "content_type",
  element_at("content", 1)."attachment"."title" as "content_title",
  coalesce(case when regexp_like(c_23, '^(?:-?[0-9]+)\z') then try_cast(c_23 as integer) end, case when c_23 is not null then cast('column content_size: a value is no integer, resource ' || coalesce("id", 'without id') as integer) end) as "content_size",
  element_at("content", 1)."attachment"."hash" as "content_hash",
  element_at("content", 2) is not null as "has_more_contents",
  case when cardinality(c_26) > 1 then cast(cast('column nlp_status: more than one value, resource ' || coalesce("id", 'without id') as integer) as varchar) else element_at(c_26, 1) end as "nlp_status",
  case when cardinality(c_27) > 1 then cast(cast('column nlp_message: more than one value, resource ' || coalesce("id", 'without id') as integer) as varchar) else element_at(c_27, 1) end as "nlp_message",
  case when cardinality(c_28) > 1 then cast(cast('column linkage_id: more than one value, resource ' || coalesce("id", 'without id') as integer) as varchar) else element_at(c_28, 1) end as "linkage_id",
  case when cardinality(c_29) > 1 then cast(cast('column linkage_reference: more than one value, resource ' || coalesce("id", 'without id') as integer) as varchar) else element_at(c_29, 1) end as "linkage_reference",
  coalesce(cardinality(filter(flatten(transform(filter("extension", x_1 -> x_1."url" = 'http://healthlake.amazonaws.com/system-generated-resources/'), x_1 -> x_1."extension")), x_1 -> x_1."url" = 'http://healthlake.amazonaws.com/nlp-entity')) > 0, false) as "has_generated_resources",
  coalesce(case when regexp_like("meta"."lastUpdated", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("meta"."lastUpdated", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("meta"."lastUpdated", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column last_updated_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "last_updated_at"
from (
  select
    *,
    element_at("content", 1)."attachment"."size" as c_23,
    filter(transform(filter(flatten(transform(k_6, x_1 -> x_1."extension")), x_1 -> x_1."url" = 'http://healthlake.amazonaws.com/aws-cm/status/'), x_1 -> x_1."valueString"), v -> v is not null) as c_26,
    filter(transform(filter(flatten(transform(k_6, x_1 -> x_1."extension")), x_1 -> x_1."url" = 'http://healthlake.amazonaws.com/aws-cm/message/'), x_1 -> x_1."valueString"), v -> v is not null) as c_27,
    filter(transform(k_5, x_1 -> case when x_1."valueReference"."reference" like 'Linkage/%/%' then regexp_extract(x_1."valueReference"."reference", '^Linkage/([^/]+)(?:/_history/[^/]+)?\z', 1) when x_1."valueReference"."reference" = 'Linkage/' then null when starts_with(x_1."valueReference"."reference", 'Linkage/') then substr(x_1."valueReference"."reference", 9) end), v -> v is not null) as c_28,
    filter(transform(filter(filter(transform(k_5, x_1 -> x_1."valueReference"), v -> v is not null), x_1 -> case when x_1."reference" like 'Linkage/%/%' then regexp_extract(x_1."reference", '^Linkage/([^/]+)(?:/_history/[^/]+)?\z', 1) when x_1."reference" = 'Linkage/' then null when starts_with(x_1."reference", 'Linkage/') then substr(x_1."reference", 9) end is null), x_1 -> x_1."reference"), v -> v is not null) as c_29
  from (
    select
      *,
      case when element_at("context"."encounter", 1)."reference" like 'Encounter/%/%' then regexp_extract(element_at("context"."encounter", 1)."reference", '^Encounter/([^/]+)(?:/_history/[^/]+)?\z', 1) when element_at("context"."encounter", 1)."reference" = 'Encounter/' then null when starts_with(element_at("context"."encounter", 1)."reference", 'Encounter/') then substr(element_at("context"."encounter", 1)."reference", 11) end as k_1,
      case when element_at("author", 1)."reference" like 'Practitioner/%/%' then regexp_extract(element_at("author", 1)."reference", '^Practitioner/([^/]+)(?:/_history/[^/]+)?\z', 1) when element_at("author", 1)."reference" = 'Practitioner/' then null when starts_with(element_at("author", 1)."reference", 'Practitioner/') then substr(element_at("author", 1)."reference", 14) end as k_2,
      case when "custodian"."reference" like 'Organization/%/%' then regexp_extract("custodian"."reference", '^Organization/([^/]+)(?:/_history/[^/]+)?\z', 1) when "custodian"."reference" = 'Organization/' then null when starts_with("custodian"."reference", 'Organization/') then substr("custodian"."reference", 14) end as k_3,
      case when "subject"."reference" like 'Patient/%/%' then regexp_extract("subject"."reference", '^Patient/([^/]+)(?:/_history/[^/]+)?\z', 1) when "subject"."reference" = 'Patient/' then null when starts_with("subject"."reference", 'Patient/') then substr("subject"."reference", 9) end as k_4,
      filter(flatten(transform(filter("extension", x_1 -> x_1."url" = 'http://healthlake.amazonaws.com/system-generated-resources/'), x_1 -> x_1."extension")), x_1 -> x_1."url" = 'http://healthlake.amazonaws.com/linkage') as k_5,
      filter("extension", x_1 -> x_1."url" = 'http://healthlake.amazonaws.com/aws-cm/') as k_6
    from (
      select *
      from src
      where "resourceType" = 'DocumentReference'
    )
  )
)
