select
  "id" as "document_id",
  k_4 as "patient_id",
  case when k_4 is null then "subject"."reference" end as "patient_reference",
  k_1 as "encounter_id",
  case when k_1 is null then "context"."encounter"[1]."reference" end as "encounter_reference",
  "status" as "status",
  "docStatus" as "doc_status",
  "type"."coding"[1]."system" as "type_system",
  "type"."coding"[1]."code" as "type_code",
  "type"."coding"[1]."display" as "type_display",
  "category"[1]."coding"[1]."system" as "category_system",
  "category"[1]."coding"[1]."code" as "category_code",
  "category"[1]."coding"[1]."display" as "category_display",
  coalesce(case when regexp_full_match("date", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("date" as timestamp)) end, case when not regexp_full_match("date", '[0-9]{4}(-[0-9]{2})?') then error('column recorded_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "recorded_at",
  "date" as "recorded_text",
  k_2 as "practitioner_id",
  case when k_2 is null then "author"[1]."reference" end as "practitioner_reference",
  "author"[1]."display" as "author_name",
  k_3 as "custodian_id",
  case when k_3 is null then "custodian"."reference" end as "custodian_reference",
  "content"[1]."attachment"."contentType" as "content_type",
  "content"[1]."attachment"."title" as "content_title",
  coalesce(case when regexp_full_match("content"[1]."attachment"."size", '-?[0-9]+') then try_cast("content"[1]."attachment"."size" as integer) end, case when "content"[1]."attachment"."size" is not null then error('column content_size: a value is no integer, resource ' || coalesce("id", 'without id')) end) as "content_size",
  "content"[1]."attachment"."hash" as "content_hash",
  "content"[2] is not null as "has_more_contents",
  case when len(c_26) > 1 then error('column nlp_status: more than one value, resource ' || coalesce("id", 'without id')) else c_26[1] end as "nlp_status",
  case when len(c_27) > 1 then error('column nlp_message: more than one value, resource ' || coalesce("id", 'without id')) else c_27[1] end as "nlp_message",
  case when len(c_28) > 1 then error('column linkage_id: more than one value, resource ' || coalesce("id", 'without id')) else c_28[1] end as "linkage_id",
  case when len(c_29) > 1 then error('column linkage_reference: more than one value, resource ' || coalesce("id", 'without id')) else c_29[1] end as "linkage_reference",
  coalesce(len(list_filter(flatten(list_transform(list_filter("extension", lambda x_1: x_1."url" = 'http://healthlake.amazonaws.com/system-generated-resources/'), lambda x_1: x_1."extension")), lambda x_1: x_1."url" = 'http://healthlake.amazonaws.com/nlp-entity')) > 0, false) as "has_generated_resources",
  coalesce(case when regexp_full_match("meta"."lastUpdated", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("meta"."lastUpdated" as timestamp)) end, case when not regexp_full_match("meta"."lastUpdated", '[0-9]{4}(-[0-9]{2})?') then error('column last_updated_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "last_updated_at"
from (
  select
    *,
    list_filter(list_transform(list_filter(flatten(list_transform(k_6, lambda x_1: x_1."extension")), lambda x_1: x_1."url" = 'http://healthlake.amazonaws.com/aws-cm/status/'), lambda x_1: x_1."valueString"), lambda v: v is not null) as c_26,
    list_filter(list_transform(list_filter(flatten(list_transform(k_6, lambda x_1: x_1."extension")), lambda x_1: x_1."url" = 'http://healthlake.amazonaws.com/aws-cm/message/'), lambda x_1: x_1."valueString"), lambda v: v is not null) as c_27,
    list_filter(list_transform(k_5, lambda x_1: case when x_1."valueReference"."reference" like 'Linkage/%/%' then nullif(regexp_extract(x_1."valueReference"."reference", '^Linkage/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when x_1."valueReference"."reference" = 'Linkage/' then null when starts_with(x_1."valueReference"."reference", 'Linkage/') then substr(x_1."valueReference"."reference", 9) end), lambda v: v is not null) as c_28,
    list_filter(list_transform(list_filter(list_filter(list_transform(k_5, lambda x_1: x_1."valueReference"), lambda v: v is not null), lambda x_1: case when x_1."reference" like 'Linkage/%/%' then nullif(regexp_extract(x_1."reference", '^Linkage/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when x_1."reference" = 'Linkage/' then null when starts_with(x_1."reference", 'Linkage/') then substr(x_1."reference", 9) end is null), lambda x_1: x_1."reference"), lambda v: v is not null) as c_29
  from (
    select
      *,
      case when "context"."encounter"[1]."reference" like 'Encounter/%/%' then nullif(regexp_extract("context"."encounter"[1]."reference", '^Encounter/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when "context"."encounter"[1]."reference" = 'Encounter/' then null when starts_with("context"."encounter"[1]."reference", 'Encounter/') then substr("context"."encounter"[1]."reference", 11) end as k_1,
      case when "author"[1]."reference" like 'Practitioner/%/%' then nullif(regexp_extract("author"[1]."reference", '^Practitioner/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when "author"[1]."reference" = 'Practitioner/' then null when starts_with("author"[1]."reference", 'Practitioner/') then substr("author"[1]."reference", 14) end as k_2,
      case when "custodian"."reference" like 'Organization/%/%' then nullif(regexp_extract("custodian"."reference", '^Organization/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when "custodian"."reference" = 'Organization/' then null when starts_with("custodian"."reference", 'Organization/') then substr("custodian"."reference", 14) end as k_3,
      case when "subject"."reference" like 'Patient/%/%' then nullif(regexp_extract("subject"."reference", '^Patient/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when "subject"."reference" = 'Patient/' then null when starts_with("subject"."reference", 'Patient/') then substr("subject"."reference", 9) end as k_4,
      list_filter(flatten(list_transform(list_filter("extension", lambda x_1: x_1."url" = 'http://healthlake.amazonaws.com/system-generated-resources/'), lambda x_1: x_1."extension")), lambda x_1: x_1."url" = 'http://healthlake.amazonaws.com/linkage') as k_5,
      list_filter("extension", lambda x_1: x_1."url" = 'http://healthlake.amazonaws.com/aws-cm/') as k_6
    from (
      select *
      from src
      where "resourceType" = 'DocumentReference'
    )
  )
)
