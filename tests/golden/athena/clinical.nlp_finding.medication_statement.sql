select
  'MedicationStatement' as "resource_type",
  "id" as "resource_id",
  'medication' as "finding_kind",
  k_2 as "patient_id",
  case when k_2 is null then "subject"."reference" end as "patient_reference",
  k_1 as "encounter_id",
  case when k_1 is null then "context"."reference" end as "encounter_reference",
  case when cardinality(c_8) > 1 then cast(cast('column document_id: more than one value, resource ' || coalesce("id", 'without id') as integer) as varchar) else element_at(c_8, 1) end as "document_id",
  case when cardinality(c_9) > 1 then cast(cast('column document_reference: more than one value, resource ' || coalesce("id", 'without id') as integer) as varchar) else element_at(c_9, 1) end as "document_reference",
  case when cardinality(c_10) > 1 then cast(cast('column linkage_id: more than one value, resource ' || coalesce("id", 'without id') as integer) as varchar) else element_at(c_10, 1) end as "linkage_id",
  case when cardinality(c_11) > 1 then cast(cast('column linkage_reference: more than one value, resource ' || coalesce("id", 'without id') as integer) as varchar) else element_at(c_11, 1) end as "linkage_reference",
  "medicationCodeableConcept"."text" as "code_text",
  case when cardinality(c_13) > 1 then cast('column entity_score: more than one value, resource ' || coalesce("id", 'without id') as double) else element_at(c_13, 1) end as "entity_score",
  case when cardinality(c_14) > 1 then cast('column concept_score: more than one value, resource ' || coalesce("id", 'without id') as double) else element_at(c_14, 1) end as "concept_score",
  (element_at(transform(array[case when not (element_at(k_8, 2) is not null) then filter(transform(k_7, x_1 -> x_1."valueDecimal"), v -> v is not null) end], v -> case when cardinality(v) > 1 then cast('path: more than one value where one is due, resource ' || coalesce("id", 'without id') as double) else element_at(v, 1) end), 1) >= cast(0.7 as double) and element_at(transform(array[case when not (element_at(k_6, 2) is not null) then filter(transform(k_5, x_1 -> x_1."valueDecimal"), v -> v is not null) end], v -> case when cardinality(v) > 1 then cast('path: more than one value where one is due, resource ' || coalesce("id", 'without id') as double) else element_at(v, 1) end), 1) >= cast(0.7 as double)) as "is_above_threshold",
  coalesce(case when regexp_like("dateAsserted", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("dateAsserted", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("dateAsserted", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column recorded_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "recorded_at",
  "dateAsserted" as "recorded_text",
  coalesce(case when regexp_like("meta"."lastUpdated", '^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)\z') then try_cast(replace(regexp_extract("meta"."lastUpdated", '^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)', 1), 'T', ' ') as timestamp) end, case when not regexp_like("meta"."lastUpdated", '^(?:[0-9]{4}(-[0-9]{2})?)\z') then cast('column last_updated_at: a value is no timestamp, resource ' || coalesce("id", 'without id') as timestamp) end) as "last_updated_at",
  cast(coalesce(i_1, 0) as integer) as "coding_index",
  e_1."system" as "code_system",
  nullif(array_join(split(nullif(array_join(split(e_1."system", 'http://healthlake.amazonaws.com/aws-cm/infer-icd10/'), 'http://hl7.org/fhir/sid/icd-10-cm'), ''), 'http://healthlake.amazonaws.com/aws-cm/infer-rxnorm/'), 'http://www.nlm.nih.gov/research/umls/rxnorm'), '') as "standard_system",
  e_1."code" as "code",
  e_1."display" as "code_display"
from (
  select
    *,
    filter(transform(k_3, x_1 -> case when x_1."valueReference"."reference" like 'DocumentReference/%/%' then regexp_extract(x_1."valueReference"."reference", '^DocumentReference/([^/]+)(?:/_history/[^/]+)?\z', 1) when x_1."valueReference"."reference" = 'DocumentReference/' then null when starts_with(x_1."valueReference"."reference", 'DocumentReference/') then substr(x_1."valueReference"."reference", 19) end), v -> v is not null) as c_8,
    filter(transform(filter(filter(transform(k_3, x_1 -> x_1."valueReference"), v -> v is not null), x_1 -> case when x_1."reference" like 'DocumentReference/%/%' then regexp_extract(x_1."reference", '^DocumentReference/([^/]+)(?:/_history/[^/]+)?\z', 1) when x_1."reference" = 'DocumentReference/' then null when starts_with(x_1."reference", 'DocumentReference/') then substr(x_1."reference", 19) end is null), x_1 -> x_1."reference"), v -> v is not null) as c_9,
    filter(transform(k_4, x_1 -> case when x_1."valueReference"."reference" like 'Linkage/%/%' then regexp_extract(x_1."valueReference"."reference", '^Linkage/([^/]+)(?:/_history/[^/]+)?\z', 1) when x_1."valueReference"."reference" = 'Linkage/' then null when starts_with(x_1."valueReference"."reference", 'Linkage/') then substr(x_1."valueReference"."reference", 9) end), v -> v is not null) as c_10,
    filter(transform(filter(filter(transform(k_4, x_1 -> x_1."valueReference"), v -> v is not null), x_1 -> case when x_1."reference" like 'Linkage/%/%' then regexp_extract(x_1."reference", '^Linkage/([^/]+)(?:/_history/[^/]+)?\z', 1) when x_1."reference" = 'Linkage/' then null when starts_with(x_1."reference", 'Linkage/') then substr(x_1."reference", 9) end is null), x_1 -> x_1."reference"), v -> v is not null) as c_11,
    case when not (element_at(k_8, 2) is not null) then filter(transform(k_7, x_1 -> x_1."valueDecimal"), v -> v is not null) end as c_13,
    case when not (element_at(k_6, 2) is not null) then filter(transform(k_5, x_1 -> x_1."valueDecimal"), v -> v is not null) end as c_14
  from (
    select
      *,
      case when "context"."reference" like 'Encounter/%/%' then regexp_extract("context"."reference", '^Encounter/([^/]+)(?:/_history/[^/]+)?\z', 1) when "context"."reference" = 'Encounter/' then null when starts_with("context"."reference", 'Encounter/') then substr("context"."reference", 11) end as k_1,
      case when "subject"."reference" like 'Patient/%/%' then regexp_extract("subject"."reference", '^Patient/([^/]+)(?:/_history/[^/]+)?\z', 1) when "subject"."reference" = 'Patient/' then null when starts_with("subject"."reference", 'Patient/') then substr("subject"."reference", 9) end as k_2,
      filter("modifierExtension", x_1 -> x_1."url" = 'http://healthlake.amazonaws.com/source-document-reference') as k_3,
      filter("modifierExtension", x_1 -> x_1."url" = 'http://healthlake.amazonaws.com/system-generated-linkage') as k_4,
      filter("modifierExtension", x_1 -> element_at(split(x_1."url", '-Concept-Score'), 2) = '') as k_5,
      filter("modifierExtension", x_2 -> element_at(split(x_2."url", '-Concept-Score'), 2) = '') as k_6,
      filter("modifierExtension", x_1 -> element_at(split(x_1."url", '-entity-score'), 2) = '') as k_7,
      filter("modifierExtension", x_2 -> element_at(split(x_2."url", '-entity-score'), 2) = '') as k_8
    from (
      select q.*, u.e_1, u.i_1 - 1 as i_1
      from (
        select *
        from src
        where ("resourceType" = 'MedicationStatement')
          and (coalesce(cardinality(filter("meta"."tag", x_1 -> x_1."display" = 'SYSTEM_GENERATED')) > 0, false))
      ) q
      left join unnest(transform("medicationCodeableConcept"."coding", v -> row(v))) with ordinality as u(e_1, i_1) on true
    )
  )
)
