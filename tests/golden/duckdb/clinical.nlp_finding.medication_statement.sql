select
  'MedicationStatement' as "resource_type",
  "id" as "resource_id",
  'medication' as "finding_kind",
  k_2 as "patient_id",
  case when k_2 is null then "subject"."reference" end as "patient_reference",
  k_1 as "encounter_id",
  case when k_1 is null then "context"."reference" end as "encounter_reference",
  case when len(c_8) > 1 then error('column document_id: more than one value, resource ' || coalesce("id", 'without id')) else c_8[1] end as "document_id",
  case when len(c_9) > 1 then error('column document_reference: more than one value, resource ' || coalesce("id", 'without id')) else c_9[1] end as "document_reference",
  case when len(c_10) > 1 then error('column linkage_id: more than one value, resource ' || coalesce("id", 'without id')) else c_10[1] end as "linkage_id",
  case when len(c_11) > 1 then error('column linkage_reference: more than one value, resource ' || coalesce("id", 'without id')) else c_11[1] end as "linkage_reference",
  "medicationCodeableConcept"."text" as "code_text",
  case when len(c_13) > 1 then error('column entity_score: more than one value, resource ' || coalesce("id", 'without id')) else c_13[1] end as "entity_score",
  case when len(c_14) > 1 then error('column concept_score: more than one value, resource ' || coalesce("id", 'without id')) else c_14[1] end as "concept_score",
  (list_transform([case when not (k_8[2] is not null) then list_filter(list_transform(k_7, lambda x_1: x_1."valueDecimal"), lambda v: v is not null) end], lambda v: case when len(v) > 1 then error('path: more than one value where one is due, resource ' || coalesce("id", 'without id')) else v[1] end)[1] >= cast(0.7 as double) and list_transform([case when not (k_6[2] is not null) then list_filter(list_transform(k_5, lambda x_1: x_1."valueDecimal"), lambda v: v is not null) end], lambda v: case when len(v) > 1 then error('path: more than one value where one is due, resource ' || coalesce("id", 'without id')) else v[1] end)[1] >= cast(0.7 as double)) as "is_above_threshold",
  coalesce(case when regexp_full_match("dateAsserted", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("dateAsserted" as timestamp)) end, case when not regexp_full_match("dateAsserted", '[0-9]{4}(-[0-9]{2})?') then error('column recorded_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "recorded_at",
  "dateAsserted" as "recorded_text",
  coalesce(case when regexp_full_match("meta"."lastUpdated", '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?') then date_trunc('milliseconds', try_cast("meta"."lastUpdated" as timestamp)) end, case when not regexp_full_match("meta"."lastUpdated", '[0-9]{4}(-[0-9]{2})?') then error('column last_updated_at: a value is no timestamp, resource ' || coalesce("id", 'without id')) end) as "last_updated_at",
  cast(coalesce(i_1, 0) as integer) as "coding_index",
  e_1."system" as "code_system",
  nullif(array_to_string(string_split(nullif(array_to_string(string_split(e_1."system", 'http://healthlake.amazonaws.com/aws-cm/infer-icd10/'), 'http://hl7.org/fhir/sid/icd-10-cm'), ''), 'http://healthlake.amazonaws.com/aws-cm/infer-rxnorm/'), 'http://www.nlm.nih.gov/research/umls/rxnorm'), '') as "standard_system",
  e_1."code" as "code",
  e_1."display" as "code_display"
from (
  select
    *,
    list_filter(list_transform(k_3, lambda x_1: case when x_1."valueReference"."reference" like 'DocumentReference/%/%' then nullif(regexp_extract(x_1."valueReference"."reference", '^DocumentReference/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when x_1."valueReference"."reference" = 'DocumentReference/' then null when starts_with(x_1."valueReference"."reference", 'DocumentReference/') then substr(x_1."valueReference"."reference", 19) end), lambda v: v is not null) as c_8,
    list_filter(list_transform(list_filter(list_filter(list_transform(k_3, lambda x_1: x_1."valueReference"), lambda v: v is not null), lambda x_1: case when x_1."reference" like 'DocumentReference/%/%' then nullif(regexp_extract(x_1."reference", '^DocumentReference/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when x_1."reference" = 'DocumentReference/' then null when starts_with(x_1."reference", 'DocumentReference/') then substr(x_1."reference", 19) end is null), lambda x_1: x_1."reference"), lambda v: v is not null) as c_9,
    list_filter(list_transform(k_4, lambda x_1: case when x_1."valueReference"."reference" like 'Linkage/%/%' then nullif(regexp_extract(x_1."valueReference"."reference", '^Linkage/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when x_1."valueReference"."reference" = 'Linkage/' then null when starts_with(x_1."valueReference"."reference", 'Linkage/') then substr(x_1."valueReference"."reference", 9) end), lambda v: v is not null) as c_10,
    list_filter(list_transform(list_filter(list_filter(list_transform(k_4, lambda x_1: x_1."valueReference"), lambda v: v is not null), lambda x_1: case when x_1."reference" like 'Linkage/%/%' then nullif(regexp_extract(x_1."reference", '^Linkage/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when x_1."reference" = 'Linkage/' then null when starts_with(x_1."reference", 'Linkage/') then substr(x_1."reference", 9) end is null), lambda x_1: x_1."reference"), lambda v: v is not null) as c_11,
    case when not (k_8[2] is not null) then list_filter(list_transform(k_7, lambda x_1: x_1."valueDecimal"), lambda v: v is not null) end as c_13,
    case when not (k_6[2] is not null) then list_filter(list_transform(k_5, lambda x_1: x_1."valueDecimal"), lambda v: v is not null) end as c_14
  from (
    select
      *,
      case when "context"."reference" like 'Encounter/%/%' then nullif(regexp_extract("context"."reference", '^Encounter/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when "context"."reference" = 'Encounter/' then null when starts_with("context"."reference", 'Encounter/') then substr("context"."reference", 11) end as k_1,
      case when "subject"."reference" like 'Patient/%/%' then nullif(regexp_extract("subject"."reference", '^Patient/([^/]+)(?:/_history/[^/]+)?\z', 1), '') when "subject"."reference" = 'Patient/' then null when starts_with("subject"."reference", 'Patient/') then substr("subject"."reference", 9) end as k_2,
      list_filter("modifierExtension", lambda x_1: x_1."url" = 'http://healthlake.amazonaws.com/source-document-reference') as k_3,
      list_filter("modifierExtension", lambda x_1: x_1."url" = 'http://healthlake.amazonaws.com/system-generated-linkage') as k_4,
      list_filter("modifierExtension", lambda x_1: string_split(x_1."url", '-Concept-Score')[2] = '') as k_5,
      list_filter("modifierExtension", lambda x_2: string_split(x_2."url", '-Concept-Score')[2] = '') as k_6,
      list_filter("modifierExtension", lambda x_1: string_split(x_1."url", '-entity-score')[2] = '') as k_7,
      list_filter("modifierExtension", lambda x_2: string_split(x_2."url", '-entity-score')[2] = '') as k_8
    from (
      select *, unnest(case when len("medicationCodeableConcept"."coding") > 0 then "medicationCodeableConcept"."coding" else [null] end) as e_1, unnest(case when len("medicationCodeableConcept"."coding") > 0 then range(len("medicationCodeableConcept"."coding")) else [null] end) as i_1
      from (
        select *
        from src
        where ("resourceType" = 'MedicationStatement')
          and (coalesce(len(list_filter("meta"."tag", lambda x_1: x_1."display" = 'SYSTEM_GENERATED')) > 0, false))
      )
    )
  )
)
