-- create_awsdatacatalog_dbt_build
create schema if not exists `dbt_build`;

-- create_awsdatacatalog_dbt_build_work
create schema if not exists `dbt_build_work`;

-- model.caremesh.age_day
select * from (
        with
as_of_day as (
    select * from "awsdatacatalog"."dbt_build_work"."as_of_day"
),
patient as (
    select * from "awsdatacatalog"."clinical"."patient"
),
claim as (
    select * from "awsdatacatalog"."operations"."claim"
),
claim_line as (
    select * from "awsdatacatalog"."operations"."claim_line"
),
observation as (
    select * from "awsdatacatalog"."clinical"."observation"
),
billed_or_observed as (
    select
        source_id,
        billable_start_at as given_at
    from claim
    where status = 'active' and use = 'claim'
    union all
    select
        source_id,
        billable_start_at as given_at
    from claim_line
    where status = 'active' and use = 'claim'
    union all
    select
        source_id,
        effective_at as given_at
    from observation
    where status in ('final', 'amended', 'corrected')
),
last_day as (
    select
        source_id,
        cast(max(given_at) as date) as given_date
    from billed_or_observed
    group by source_id
),
patient_source as (
    select distinct source_id
    from patient
),
final as (
    select
        patient_source.source_id,
        coalesce(
cast(nullif('2025-01-31', '') as date), as_of_day.as_of_date, last_day.given_date) as as_of_date
    from patient_source
    left join as_of_day on patient_source.source_id = as_of_day.source_id
    left join last_day on patient_source.source_id = last_day.source_id
)
select * from final
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.age_day
select * from (
        select
        cast(null as varchar) as source_id,
        cast(null as date) as as_of_date
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.age_day
create table "awsdatacatalog"."dbt_build_work"."age_day"
    with (
      table_type='hive',
      is_external=true,external_location='s3://dbt-build/curated/dbt_build_work/age_day/<uuid>',
      format='parquet'
    )
    as
      with
as_of_day as (
    select * from "awsdatacatalog"."dbt_build_work"."as_of_day"
),
patient as (
    select * from "awsdatacatalog"."clinical"."patient"
),
claim as (
    select * from "awsdatacatalog"."operations"."claim"
),
claim_line as (
    select * from "awsdatacatalog"."operations"."claim_line"
),
observation as (
    select * from "awsdatacatalog"."clinical"."observation"
),
billed_or_observed as (
    select
        source_id,
        billable_start_at as given_at
    from claim
    where status = 'active' and use = 'claim'
    union all
    select
        source_id,
        billable_start_at as given_at
    from claim_line
    where status = 'active' and use = 'claim'
    union all
    select
        source_id,
        effective_at as given_at
    from observation
    where status in ('final', 'amended', 'corrected')
),
last_day as (
    select
        source_id,
        cast(max(given_at) as date) as given_date
    from billed_or_observed
    group by source_id
),
patient_source as (
    select distinct source_id
    from patient
),
final as (
    select
        patient_source.source_id,
        coalesce(
cast(nullif('2025-01-31', '') as date), as_of_day.as_of_date, last_day.given_date) as as_of_date
    from patient_source
    left join as_of_day on patient_source.source_id = as_of_day.source_id
    left join last_day on patient_source.source_id = last_day.source_id
)
select * from final;

-- model.caremesh.age_day
alter table `dbt_build_work`.`age_day` set tblproperties ('classification' = 'parquet');

-- model.caremesh.age_day
SELECT '{"rowcount":1,"data_scanned_in_bytes":<bytes>}';

-- model.caremesh.as_of_day
select * from (
        with
encounter as (
    select * from "awsdatacatalog"."dbt_build_work"."stg_encounter"
),
final as (
    select
        source_id,
        coalesce(
cast(nullif('2025-01-31', '') as date), max(start_date)) as as_of_date
    from encounter
    group by source_id
)
select * from final
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.as_of_day
select * from (
        select
        cast(null as varchar) as source_id,
        cast(null as date) as as_of_date
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.as_of_day
create table "awsdatacatalog"."dbt_build_work"."as_of_day"
    with (
      table_type='hive',
      is_external=true,external_location='s3://dbt-build/curated/dbt_build_work/as_of_day/<uuid>',
      format='parquet'
    )
    as
      with
encounter as (
    select * from "awsdatacatalog"."dbt_build_work"."stg_encounter"
),
final as (
    select
        source_id,
        coalesce(
cast(nullif('2025-01-31', '') as date), max(start_date)) as as_of_date
    from encounter
    group by source_id
)
select * from final;

-- model.caremesh.as_of_day
alter table `dbt_build_work`.`as_of_day` set tblproperties ('classification' = 'parquet');

-- model.caremesh.as_of_day
SELECT '{"rowcount":1,"data_scanned_in_bytes":<bytes>}';

-- model.caremesh.encounter_stay
select * from (
        -- Which encounters are one stay, twice: among all inpatient encounters, and among the acute ones alone.
-- First, encounters that touch or overlap are one block, at whatever facility: admission, intensive care and ward are
-- written as three encounters. Then a block that starts on the day, or the day after, the block before it ended, at
-- another facility, is a transfer and belongs to the same stay.
with
inpatient_encounter as (
    select * from "awsdatacatalog"."dbt_build_work"."inpatient_encounter"
),
scoped as (
    select
        inpatient_encounter.*,
        cast('inpatient' as varchar) as stay_kind
    from inpatient_encounter
    where admission_at is not null
    union all
    select
        inpatient_encounter.*,
        cast('acute' as varchar) as stay_kind
    from inpatient_encounter
    where admission_at is not null and is_acute
),
followed as (
    select
        scoped.*,
        max(occupied_until) over (
            partition by stay_kind, patient_key
            order by admission_at, occupied_until, encounter_id
            rows between unbounded preceding and 1 preceding
        ) as occupied_before_until
    from scoped
),
in_block as (
    select
        followed.*,
        cast(
            sum(case when admission_at <= occupied_before_until then 0 else 1 end) over (
                partition by stay_kind, patient_key
                order by admission_at, occupied_until, encounter_id
                rows between unbounded preceding and current row
            ) as bigint
        ) as block_number
    from followed
),
ranked as (
    select
        in_block.*,
        row_number() over (
            partition by stay_kind, patient_key, block_number
            order by admission_at, occupied_until, encounter_id
        ) as place_from_start,
        row_number() over (
            partition by stay_kind, patient_key, block_number
            order by occupied_until desc, admission_at desc, encounter_id desc
        ) as place_from_end
    from in_block
),
block as (
    select
        stay_kind,
        patient_key,
        block_number,
        min(admission_date) as admission_date,
        max(discharge_date) as discharge_date,
        max(case when place_from_start = 1 then encounter_id end) as first_encounter_id,
        max(case when place_from_start = 1 then facility_key end) as admitting_facility,
        max(case when place_from_end = 1 then facility_key end) as discharging_facility
    from ranked
    group by stay_kind, patient_key, block_number
),
before as (
    select
        block.*,
        lag(discharge_date) over (partition by stay_kind, patient_key order by block_number) as discharge_date_before,
        lag(discharging_facility) over (partition by stay_kind, patient_key order by block_number) as facility_before
    from block
),
-- A facility that is not known is not known to be another one: the comparison is null, and the block starts a stay.
-- A block that is still open has none after it.
in_stay as (
    select
        before.*,
        case
            when
                date_diff('day', cast(discharge_date_before as date), cast(admission_date as date)) in (0, 1)
                and admitting_facility <> facility_before
                then 1
            else 0
        end as is_transfer
    from before
),
numbered as (
    select
        in_stay.*,
        cast(
            sum(1 - is_transfer) over (
                partition by stay_kind, patient_key
                order by block_number
                rows between unbounded preceding and current row
            ) as bigint
        ) as stay_number
    from in_stay
),
named as (
    select
        numbered.*,
        first_value(first_encounter_id) over (
            partition by stay_kind, patient_key, stay_number
            order by block_number
            rows between unbounded preceding and current row
        ) as stay_id
    from numbered
),
final as (
    select
        ranked.stay_kind,
        ranked.encounter_id,
        named.stay_id,
        row_number() over (
            partition by ranked.stay_kind, named.stay_id
            order by ranked.occupied_until desc, ranked.admission_at desc, ranked.encounter_id desc
        ) = 1 as is_last_of_stay,
        row_number() over (
            partition by ranked.stay_kind, named.stay_id
            order by ranked.admission_at, ranked.occupied_until, ranked.encounter_id
        ) = 1 as is_first_of_stay
    from ranked
    inner join named
        on
            ranked.stay_kind = named.stay_kind
            and ranked.patient_key = named.patient_key
            and ranked.block_number = named.block_number
)
select * from final
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.encounter_stay
select * from (
        select
        cast(null as varchar) as stay_kind,
        cast(null as varchar) as encounter_id,
        cast(null as varchar) as stay_id,
        cast(null as boolean) as is_last_of_stay,
        cast(null as boolean) as is_first_of_stay
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.encounter_stay
create table "awsdatacatalog"."dbt_build_work"."encounter_stay"
    with (
      table_type='hive',
      is_external=true,external_location='s3://dbt-build/curated/dbt_build_work/encounter_stay/<uuid>',
      format='parquet'
    )
    as
      -- Which encounters are one stay, twice: among all inpatient encounters, and among the acute ones alone.
-- First, encounters that touch or overlap are one block, at whatever facility: admission, intensive care and ward are
-- written as three encounters. Then a block that starts on the day, or the day after, the block before it ended, at
-- another facility, is a transfer and belongs to the same stay.
with
inpatient_encounter as (
    select * from "awsdatacatalog"."dbt_build_work"."inpatient_encounter"
),
scoped as (
    select
        inpatient_encounter.*,
        cast('inpatient' as varchar) as stay_kind
    from inpatient_encounter
    where admission_at is not null
    union all
    select
        inpatient_encounter.*,
        cast('acute' as varchar) as stay_kind
    from inpatient_encounter
    where admission_at is not null and is_acute
),
followed as (
    select
        scoped.*,
        max(occupied_until) over (
            partition by stay_kind, patient_key
            order by admission_at, occupied_until, encounter_id
            rows between unbounded preceding and 1 preceding
        ) as occupied_before_until
    from scoped
),
in_block as (
    select
        followed.*,
        cast(
            sum(case when admission_at <= occupied_before_until then 0 else 1 end) over (
                partition by stay_kind, patient_key
                order by admission_at, occupied_until, encounter_id
                rows between unbounded preceding and current row
            ) as bigint
        ) as block_number
    from followed
),
ranked as (
    select
        in_block.*,
        row_number() over (
            partition by stay_kind, patient_key, block_number
            order by admission_at, occupied_until, encounter_id
        ) as place_from_start,
        row_number() over (
            partition by stay_kind, patient_key, block_number
            order by occupied_until desc, admission_at desc, encounter_id desc
        ) as place_from_end
    from in_block
),
block as (
    select
        stay_kind,
        patient_key,
        block_number,
        min(admission_date) as admission_date,
        max(discharge_date) as discharge_date,
        max(case when place_from_start = 1 then encounter_id end) as first_encounter_id,
        max(case when place_from_start = 1 then facility_key end) as admitting_facility,
        max(case when place_from_end = 1 then facility_key end) as discharging_facility
    from ranked
    group by stay_kind, patient_key, block_number
),
before as (
    select
        block.*,
        lag(discharge_date) over (partition by stay_kind, patient_key order by block_number) as discharge_date_before,
        lag(discharging_facility) over (partition by stay_kind, patient_key order by block_number) as facility_before
    from block
),
-- A facility that is not known is not known to be another one: the comparison is null, and the block starts a stay.
-- A block that is still open has none after it.
in_stay as (
    select
        before.*,
        case
            when
                date_diff('day', cast(discharge_date_before as date), cast(admission_date as date)) in (0, 1)
                and admitting_facility <> facility_before
                then 1
            else 0
        end as is_transfer
    from before
),
numbered as (
    select
        in_stay.*,
        cast(
            sum(1 - is_transfer) over (
                partition by stay_kind, patient_key
                order by block_number
                rows between unbounded preceding and current row
            ) as bigint
        ) as stay_number
    from in_stay
),
named as (
    select
        numbered.*,
        first_value(first_encounter_id) over (
            partition by stay_kind, patient_key, stay_number
            order by block_number
            rows between unbounded preceding and current row
        ) as stay_id
    from numbered
),
final as (
    select
        ranked.stay_kind,
        ranked.encounter_id,
        named.stay_id,
        row_number() over (
            partition by ranked.stay_kind, named.stay_id
            order by ranked.occupied_until desc, ranked.admission_at desc, ranked.encounter_id desc
        ) = 1 as is_last_of_stay,
        row_number() over (
            partition by ranked.stay_kind, named.stay_id
            order by ranked.admission_at, ranked.occupied_until, ranked.encounter_id
        ) = 1 as is_first_of_stay
    from ranked
    inner join named
        on
            ranked.stay_kind = named.stay_kind
            and ranked.patient_key = named.patient_key
            and ranked.block_number = named.block_number
)
select * from final;

-- model.caremesh.encounter_stay
alter table `dbt_build_work`.`encounter_stay` set tblproperties ('classification' = 'parquet');

-- model.caremesh.encounter_stay
SELECT '{"rowcount":166,"data_scanned_in_bytes":<bytes>}';

-- model.caremesh.inpatient_encounter
select * from (
        with
encounter as (
    select * from "awsdatacatalog"."dbt_build_work"."stg_encounter"
),
encounter_setting as (
    select * from "awsdatacatalog"."dbt_build_work"."encounter_setting"
),
inpatient as (
    select
        encounter.*,
        coalesce(
            encounter_setting.setting,
            case when encounter.class_code = 'NONAC' then 'other_non_acute' else 'acute' end
        ) as setting,
        cast(
            case
                when encounter.start_date is null then 'date_unknown'
                when encounter.end_date < encounter.start_date then 'negative'
                when encounter.end_date is not null then 'discharged'
                when encounter.is_open then 'still_admitted'
                else 'date_unknown'
            end as varchar
        ) as los_status
    from encounter
    left join encounter_setting
        on
            encounter.type_system = encounter_setting.type_system
            and encounter.type_code = encounter_setting.type_code
    where encounter.is_inpatient
),
final as (
    select
        source_id,
        encounter_id,
        patient_id,
        patient_key,
        is_patient_known,
        class_code,
        type_code,
        type_display,
        setting,
        setting = 'acute' as is_acute,
        discharge_disposition_code,
        facility_key,
        facility_name,
        started_at as admission_at,
        start_date as admission_date,
        case when los_status = 'discharged' then end_date end as discharge_date,
        los_status,
        case when los_status = 'discharged' then date_diff('day', cast(start_date as date), cast(end_date as date)) end as los_days,
        -- Until when the patient is known to be in the bed: what decides whether two encounters touch.
        case
            when los_status = 'still_admitted' then timestamp '9999-12-31 00:00:00'
            when los_status = 'discharged' and is_end_a_day
                then cast(end_date as timestamp) + interval '86399' second
            when los_status = 'discharged' and ended_at > started_at then ended_at
            else started_at
        end as occupied_until
    from inpatient
)
select * from final
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.inpatient_encounter
select * from (
        select
        cast(null as varchar) as source_id,
        cast(null as varchar) as encounter_id,
        cast(null as varchar) as patient_id,
        cast(null as varchar) as patient_key,
        cast(null as boolean) as is_patient_known,
        cast(null as varchar) as class_code,
        cast(null as varchar) as type_code,
        cast(null as varchar) as type_display,
        cast(null as varchar) as setting,
        cast(null as boolean) as is_acute,
        cast(null as varchar) as discharge_disposition_code,
        cast(null as varchar) as facility_key,
        cast(null as varchar) as facility_name,
        cast(null as timestamp) as admission_at,
        cast(null as date) as admission_date,
        cast(null as date) as discharge_date,
        cast(null as varchar) as los_status,
        cast(null as bigint) as los_days,
        cast(null as timestamp) as occupied_until
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.inpatient_encounter
create table "awsdatacatalog"."dbt_build_work"."inpatient_encounter"
    with (
      table_type='hive',
      is_external=true,external_location='s3://dbt-build/curated/dbt_build_work/inpatient_encounter/<uuid>',
      format='parquet'
    )
    as
      with
encounter as (
    select * from "awsdatacatalog"."dbt_build_work"."stg_encounter"
),
encounter_setting as (
    select * from "awsdatacatalog"."dbt_build_work"."encounter_setting"
),
inpatient as (
    select
        encounter.*,
        coalesce(
            encounter_setting.setting,
            case when encounter.class_code = 'NONAC' then 'other_non_acute' else 'acute' end
        ) as setting,
        cast(
            case
                when encounter.start_date is null then 'date_unknown'
                when encounter.end_date < encounter.start_date then 'negative'
                when encounter.end_date is not null then 'discharged'
                when encounter.is_open then 'still_admitted'
                else 'date_unknown'
            end as varchar
        ) as los_status
    from encounter
    left join encounter_setting
        on
            encounter.type_system = encounter_setting.type_system
            and encounter.type_code = encounter_setting.type_code
    where encounter.is_inpatient
),
final as (
    select
        source_id,
        encounter_id,
        patient_id,
        patient_key,
        is_patient_known,
        class_code,
        type_code,
        type_display,
        setting,
        setting = 'acute' as is_acute,
        discharge_disposition_code,
        facility_key,
        facility_name,
        started_at as admission_at,
        start_date as admission_date,
        case when los_status = 'discharged' then end_date end as discharge_date,
        los_status,
        case when los_status = 'discharged' then date_diff('day', cast(start_date as date), cast(end_date as date)) end as los_days,
        -- Until when the patient is known to be in the bed: what decides whether two encounters touch.
        case
            when los_status = 'still_admitted' then timestamp '9999-12-31 00:00:00'
            when los_status = 'discharged' and is_end_a_day
                then cast(end_date as timestamp) + interval '86399' second
            when los_status = 'discharged' and ended_at > started_at then ended_at
            else started_at
        end as occupied_until
    from inpatient
)
select * from final;

-- model.caremesh.inpatient_encounter
alter table `dbt_build_work`.`inpatient_encounter` set tblproperties ('classification' = 'parquet');

-- model.caremesh.inpatient_encounter
SELECT '{"rowcount":85,"data_scanned_in_bytes":<bytes>}';

-- model.caremesh.length_of_stay
select * from (
        with
inpatient_encounter as (
    select * from "awsdatacatalog"."dbt_build_work"."inpatient_encounter"
),
encounter_stay as (
    select * from "awsdatacatalog"."dbt_build_work"."encounter_stay"
),
stay as (
    select * from "awsdatacatalog"."dbt_build_work"."stay"
),
in_stay as (
    select
        encounter_stay.encounter_id,
        encounter_stay.stay_kind,
        encounter_stay.stay_id,
        encounter_stay.is_last_of_stay,
        stay.admission_date,
        stay.discharge_date,
        stay.los_status,
        stay.stay_los_days,
        stay.encounter_count
    from encounter_stay
    inner join stay
        on
            encounter_stay.stay_kind = stay.stay_kind
            and encounter_stay.stay_id = stay.stay_id
),
final as (
    select
        inpatient_encounter.encounter_id,
        inpatient_encounter.source_id,
        inpatient_encounter.patient_id,
        inpatient_encounter.class_code,
        inpatient_encounter.type_code,
        inpatient_encounter.type_display,
        inpatient_encounter.setting,
        inpatient_encounter.is_acute,
        inpatient_encounter.facility_name,
    inpatient_encounter.admission_date,
        inpatient_encounter.discharge_date,
        cast(date_trunc('month', inpatient_encounter.discharge_date) as date) as discharge_month,
        inpatient_encounter.los_status,
        inpatient_encounter.los_days,
        -- Not greatest(1, …): on DuckDB it turns "not known" into 1.
        case when inpatient_encounter.los_days < 1 then 1 else inpatient_encounter.los_days end as los_billed_days,
    whole.stay_id,
        coalesce(whole.is_last_of_stay, false) as is_last_of_stay,
        whole.encounter_count as stay_encounter_count,
        whole.admission_date as stay_admission_date,
        whole.discharge_date as stay_discharge_date,
        cast(date_trunc('month', whole.discharge_date) as date) as stay_discharge_month,
        whole.los_status as stay_los_status,
        whole.stay_los_days,
        case when whole.stay_los_days < 1 then 1 else whole.stay_los_days end as stay_los_billed_days,
    acute.stay_id as acute_stay_id,
        coalesce(acute.is_last_of_stay, false) as is_last_of_acute_stay,
        acute.discharge_date as acute_stay_discharge_date,
        acute.stay_los_days as acute_stay_los_days
    from inpatient_encounter
    left join in_stay as whole
        on
            inpatient_encounter.encounter_id = whole.encounter_id
            and whole.stay_kind = 'inpatient'
    left join in_stay as acute
        on
            inpatient_encounter.encounter_id = acute.encounter_id
            and acute.stay_kind = 'acute'
)
select * from final
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.length_of_stay
select * from (
        select
        cast(null as varchar) as encounter_id,
        cast(null as varchar) as source_id,
        cast(null as varchar) as patient_id,
        cast(null as varchar) as class_code,
        cast(null as varchar) as type_code,
        cast(null as varchar) as type_display,
        cast(null as varchar) as setting,
        cast(null as boolean) as is_acute,
        cast(null as varchar) as facility_name,
        cast(null as date) as admission_date,
        cast(null as date) as discharge_date,
        cast(null as date) as discharge_month,
        cast(null as varchar) as los_status,
        cast(null as bigint) as los_days,
        cast(null as bigint) as los_billed_days,
        cast(null as varchar) as stay_id,
        cast(null as boolean) as is_last_of_stay,
        cast(null as bigint) as stay_encounter_count,
        cast(null as date) as stay_admission_date,
        cast(null as date) as stay_discharge_date,
        cast(null as date) as stay_discharge_month,
        cast(null as varchar) as stay_los_status,
        cast(null as bigint) as stay_los_days,
        cast(null as bigint) as stay_los_billed_days,
        cast(null as varchar) as acute_stay_id,
        cast(null as boolean) as is_last_of_acute_stay,
        cast(null as date) as acute_stay_discharge_date,
        cast(null as bigint) as acute_stay_los_days
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.length_of_stay
create table "awsdatacatalog"."dbt_build"."length_of_stay"
    with (
      table_type='hive',
      is_external=true,external_location='s3://dbt-build/curated/dbt_build/length_of_stay/<uuid>',
      format='parquet'
    )
    as
      with
inpatient_encounter as (
    select * from "awsdatacatalog"."dbt_build_work"."inpatient_encounter"
),
encounter_stay as (
    select * from "awsdatacatalog"."dbt_build_work"."encounter_stay"
),
stay as (
    select * from "awsdatacatalog"."dbt_build_work"."stay"
),
in_stay as (
    select
        encounter_stay.encounter_id,
        encounter_stay.stay_kind,
        encounter_stay.stay_id,
        encounter_stay.is_last_of_stay,
        stay.admission_date,
        stay.discharge_date,
        stay.los_status,
        stay.stay_los_days,
        stay.encounter_count
    from encounter_stay
    inner join stay
        on
            encounter_stay.stay_kind = stay.stay_kind
            and encounter_stay.stay_id = stay.stay_id
),
final as (
    select
        inpatient_encounter.encounter_id,
        inpatient_encounter.source_id,
        inpatient_encounter.patient_id,
        inpatient_encounter.class_code,
        inpatient_encounter.type_code,
        inpatient_encounter.type_display,
        inpatient_encounter.setting,
        inpatient_encounter.is_acute,
        inpatient_encounter.facility_name,
    inpatient_encounter.admission_date,
        inpatient_encounter.discharge_date,
        cast(date_trunc('month', inpatient_encounter.discharge_date) as date) as discharge_month,
        inpatient_encounter.los_status,
        inpatient_encounter.los_days,
        -- Not greatest(1, …): on DuckDB it turns "not known" into 1.
        case when inpatient_encounter.los_days < 1 then 1 else inpatient_encounter.los_days end as los_billed_days,
    whole.stay_id,
        coalesce(whole.is_last_of_stay, false) as is_last_of_stay,
        whole.encounter_count as stay_encounter_count,
        whole.admission_date as stay_admission_date,
        whole.discharge_date as stay_discharge_date,
        cast(date_trunc('month', whole.discharge_date) as date) as stay_discharge_month,
        whole.los_status as stay_los_status,
        whole.stay_los_days,
        case when whole.stay_los_days < 1 then 1 else whole.stay_los_days end as stay_los_billed_days,
    acute.stay_id as acute_stay_id,
        coalesce(acute.is_last_of_stay, false) as is_last_of_acute_stay,
        acute.discharge_date as acute_stay_discharge_date,
        acute.stay_los_days as acute_stay_los_days
    from inpatient_encounter
    left join in_stay as whole
        on
            inpatient_encounter.encounter_id = whole.encounter_id
            and whole.stay_kind = 'inpatient'
    left join in_stay as acute
        on
            inpatient_encounter.encounter_id = acute.encounter_id
            and acute.stay_kind = 'acute'
)
select * from final;

-- model.caremesh.length_of_stay
alter table `dbt_build`.`length_of_stay` set tblproperties ('classification' = 'parquet');

-- model.caremesh.length_of_stay
SELECT '{"rowcount":85,"data_scanned_in_bytes":<bytes>}';

-- model.caremesh.patient_summary
select * from (
        with
patient as (
    select * from "awsdatacatalog"."clinical"."patient"
),
encounter as (
    select * from "awsdatacatalog"."dbt_build_work"."stg_encounter"
),
condition as (
    select * from "awsdatacatalog"."clinical"."condition"
),
observation as (
    select * from "awsdatacatalog"."clinical"."observation"
),
age_day as (
    select * from "awsdatacatalog"."dbt_build_work"."age_day"
),
visits as (
    select
        source_id,
        patient_id,
        count(*) as encounter_count,
        count(case when is_inpatient then 1 end) as inpatient_encounter_count,
        count(case when class_code = 'EMER' then 1 end) as emergency_encounter_count,
        count(case when class_code = 'AMB' then 1 end) as ambulatory_encounter_count,
        max(start_date) as last_encounter_date
    from encounter
    group by source_id, patient_id
),
problems as (
    select
        source_id,
        patient_id,
        count(*) as active_condition_count
    from condition
    where
        clinical_status_code in ('active', 'recurrence', 'relapse')
        and coalesce(verification_status_code, 'confirmed') not in ('refuted', 'entered-in-error')
    group by source_id, patient_id
),
valid_observation as (
    select *
    from observation
    where
        status in ('final', 'amended', 'corrected')
        and effective_at is not null
),
-- LOINC 8480-6 and 8462-4: systolic and diastolic, the two components of one reading.
blood_pressure as (
    select
        source_id,
        patient_id,
        observation_id,
        max(effective_at) as effective_at,
        max(case when component_code = '8480-6' then component_value_number end) as systolic,
        max(case when component_code = '8462-4' then component_value_number end) as diastolic
    from valid_observation
    where component_code in ('8480-6', '8462-4')
    group by source_id, patient_id, observation_id
),
blood_pressure_latest_first as (
    select
        blood_pressure.*,
        row_number() over (
            partition by source_id, patient_id
            order by effective_at desc, observation_id desc
        ) as place
    from blood_pressure
    where systolic is not null and diastolic is not null
),
-- LOINC 4548-4: HbA1c in percent of haemoglobin.
hba1c_latest_first as (
    select
        source_id,
        patient_id,
        effective_at,
        value_number,
        row_number() over (
            partition by source_id, patient_id
            order by effective_at desc, observation_id desc
        ) as place
    from valid_observation
    where code = '4548-4' and value_number is not null
),
dated as (
    select
        patient.*,
        age_day.as_of_date,
        cast(patient.deceased_at as date) as deceased_date,
        -- A death without a day leaves the age open.
        case when patient.is_deceased then cast(patient.deceased_at as date) else age_day.as_of_date end as age_date
    from patient
    inner join age_day on patient.source_id = age_day.source_id
),
final as (
    select
        dated.patient_id,
        dated.source_id,
        dated.gender,
        dated.birth_date,
        year(dated.age_date) - year(dated.birth_date)
    - case
        when
            month(dated.age_date) * 100 + day(dated.age_date)
            < month(dated.birth_date) * 100 + day(dated.birth_date)
            then 1
        else 0
    end as age_years,
        dated.is_deceased,
        dated.deceased_date,
        dated.race_text,
        dated.ethnicity_code,
        dated.state,
        coalesce(visits.encounter_count, 0) as encounter_count,
        coalesce(visits.inpatient_encounter_count, 0) as inpatient_encounter_count,
        coalesce(visits.emergency_encounter_count, 0) as emergency_encounter_count,
        coalesce(visits.ambulatory_encounter_count, 0) as ambulatory_encounter_count,
        visits.last_encounter_date,
        coalesce(problems.active_condition_count, 0) as active_condition_count,
        blood_pressure_latest_first.systolic as latest_systolic_mmhg,
        blood_pressure_latest_first.diastolic as latest_diastolic_mmhg,
        cast(blood_pressure_latest_first.effective_at as date) as latest_blood_pressure_date,
        hba1c_latest_first.value_number as latest_hba1c_percent,
        cast(hba1c_latest_first.effective_at as date) as latest_hba1c_date,
        dated.as_of_date
    from dated
    left join visits
        on
            dated.source_id = visits.source_id
            and dated.patient_id = visits.patient_id
    left join problems
        on
            dated.source_id = problems.source_id
            and dated.patient_id = problems.patient_id
    left join blood_pressure_latest_first
        on
            dated.source_id = blood_pressure_latest_first.source_id
            and dated.patient_id = blood_pressure_latest_first.patient_id
            and blood_pressure_latest_first.place = 1
    left join hba1c_latest_first
        on
            dated.source_id = hba1c_latest_first.source_id
            and dated.patient_id = hba1c_latest_first.patient_id
            and hba1c_latest_first.place = 1
)
select * from final
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.patient_summary
select * from (
        select
        cast(null as varchar) as patient_id,
        cast(null as varchar) as source_id,
        cast(null as varchar) as gender,
        cast(null as date) as birth_date,
        cast(null as bigint) as age_years,
        cast(null as boolean) as is_deceased,
        cast(null as date) as deceased_date,
        cast(null as varchar) as race_text,
        cast(null as varchar) as ethnicity_code,
        cast(null as varchar) as state,
        cast(null as bigint) as encounter_count,
        cast(null as bigint) as inpatient_encounter_count,
        cast(null as bigint) as emergency_encounter_count,
        cast(null as bigint) as ambulatory_encounter_count,
        cast(null as date) as last_encounter_date,
        cast(null as bigint) as active_condition_count,
        cast(null as double) as latest_systolic_mmhg,
        cast(null as double) as latest_diastolic_mmhg,
        cast(null as date) as latest_blood_pressure_date,
        cast(null as double) as latest_hba1c_percent,
        cast(null as date) as latest_hba1c_date,
        cast(null as date) as as_of_date
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.patient_summary
create table "awsdatacatalog"."dbt_build"."patient_summary"
    with (
      table_type='hive',
      is_external=true,external_location='s3://dbt-build/curated/dbt_build/patient_summary/<uuid>',
      format='parquet'
    )
    as
      with
patient as (
    select * from "awsdatacatalog"."clinical"."patient"
),
encounter as (
    select * from "awsdatacatalog"."dbt_build_work"."stg_encounter"
),
condition as (
    select * from "awsdatacatalog"."clinical"."condition"
),
observation as (
    select * from "awsdatacatalog"."clinical"."observation"
),
age_day as (
    select * from "awsdatacatalog"."dbt_build_work"."age_day"
),
visits as (
    select
        source_id,
        patient_id,
        count(*) as encounter_count,
        count(case when is_inpatient then 1 end) as inpatient_encounter_count,
        count(case when class_code = 'EMER' then 1 end) as emergency_encounter_count,
        count(case when class_code = 'AMB' then 1 end) as ambulatory_encounter_count,
        max(start_date) as last_encounter_date
    from encounter
    group by source_id, patient_id
),
problems as (
    select
        source_id,
        patient_id,
        count(*) as active_condition_count
    from condition
    where
        clinical_status_code in ('active', 'recurrence', 'relapse')
        and coalesce(verification_status_code, 'confirmed') not in ('refuted', 'entered-in-error')
    group by source_id, patient_id
),
valid_observation as (
    select *
    from observation
    where
        status in ('final', 'amended', 'corrected')
        and effective_at is not null
),
-- LOINC 8480-6 and 8462-4: systolic and diastolic, the two components of one reading.
blood_pressure as (
    select
        source_id,
        patient_id,
        observation_id,
        max(effective_at) as effective_at,
        max(case when component_code = '8480-6' then component_value_number end) as systolic,
        max(case when component_code = '8462-4' then component_value_number end) as diastolic
    from valid_observation
    where component_code in ('8480-6', '8462-4')
    group by source_id, patient_id, observation_id
),
blood_pressure_latest_first as (
    select
        blood_pressure.*,
        row_number() over (
            partition by source_id, patient_id
            order by effective_at desc, observation_id desc
        ) as place
    from blood_pressure
    where systolic is not null and diastolic is not null
),
-- LOINC 4548-4: HbA1c in percent of haemoglobin.
hba1c_latest_first as (
    select
        source_id,
        patient_id,
        effective_at,
        value_number,
        row_number() over (
            partition by source_id, patient_id
            order by effective_at desc, observation_id desc
        ) as place
    from valid_observation
    where code = '4548-4' and value_number is not null
),
dated as (
    select
        patient.*,
        age_day.as_of_date,
        cast(patient.deceased_at as date) as deceased_date,
        -- A death without a day leaves the age open.
        case when patient.is_deceased then cast(patient.deceased_at as date) else age_day.as_of_date end as age_date
    from patient
    inner join age_day on patient.source_id = age_day.source_id
),
final as (
    select
        dated.patient_id,
        dated.source_id,
        dated.gender,
        dated.birth_date,
        year(dated.age_date) - year(dated.birth_date)
    - case
        when
            month(dated.age_date) * 100 + day(dated.age_date)
            < month(dated.birth_date) * 100 + day(dated.birth_date)
            then 1
        else 0
    end as age_years,
        dated.is_deceased,
        dated.deceased_date,
        dated.race_text,
        dated.ethnicity_code,
        dated.state,
        coalesce(visits.encounter_count, 0) as encounter_count,
        coalesce(visits.inpatient_encounter_count, 0) as inpatient_encounter_count,
        coalesce(visits.emergency_encounter_count, 0) as emergency_encounter_count,
        coalesce(visits.ambulatory_encounter_count, 0) as ambulatory_encounter_count,
        visits.last_encounter_date,
        coalesce(problems.active_condition_count, 0) as active_condition_count,
        blood_pressure_latest_first.systolic as latest_systolic_mmhg,
        blood_pressure_latest_first.diastolic as latest_diastolic_mmhg,
        cast(blood_pressure_latest_first.effective_at as date) as latest_blood_pressure_date,
        hba1c_latest_first.value_number as latest_hba1c_percent,
        cast(hba1c_latest_first.effective_at as date) as latest_hba1c_date,
        dated.as_of_date
    from dated
    left join visits
        on
            dated.source_id = visits.source_id
            and dated.patient_id = visits.patient_id
    left join problems
        on
            dated.source_id = problems.source_id
            and dated.patient_id = problems.patient_id
    left join blood_pressure_latest_first
        on
            dated.source_id = blood_pressure_latest_first.source_id
            and dated.patient_id = blood_pressure_latest_first.patient_id
            and blood_pressure_latest_first.place = 1
    left join hba1c_latest_first
        on
            dated.source_id = hba1c_latest_first.source_id
            and dated.patient_id = hba1c_latest_first.patient_id
            and hba1c_latest_first.place = 1
)
select * from final;

-- model.caremesh.patient_summary
alter table `dbt_build`.`patient_summary` set tblproperties ('classification' = 'parquet');

-- model.caremesh.patient_summary
SELECT '{"rowcount":45,"data_scanned_in_bytes":<bytes>}';

-- model.caremesh.payer_mix_monthly
select * from (
        with
claim_line as (
    select * from "awsdatacatalog"."operations"."claim_line"
),
claim as (
    select * from "awsdatacatalog"."operations"."claim"
),
payer_class as (
    select * from "awsdatacatalog"."dbt_build_work"."payer_class"
),
-- What was withdrawn, or only asked what would be paid, is not business done, be it the claim or the payer's answer.
-- A line without its claim counts.
billed as (
    select
        claim_line.*,
        -- The month needs no more than "2024-05", so it is taken from the text.
        try_cast(substring(claim_line.billable_start_text, 1, 7) || '-01' as date) as billing_month,
        coalesce(nullif(trim(claim_line.insurer_name), ''), nullif(trim(claim_line.coverage_name), ''), 'UNKNOWN')
            as payer_name,
        coalesce(claim_line.patient_id, claim_line.patient_reference) as patient_key,
        coalesce(claim_line.encounter_id, claim_line.encounter_reference) as encounter_key
    from claim_line
    left join claim
        on
            claim_line.source_id = claim.source_id
            and claim_line.claim_id = claim.claim_id
    where
        coalesce(claim_line.status, 'active') = 'active'
        and coalesce(claim_line.use, 'claim') = 'claim'
        and coalesce(claim.status, 'active') = 'active'
        and coalesce(claim.use, 'claim') = 'claim'
),
-- Amounts are added as decimals: a sum of doubles depends on the order of its rows, which no engine promises.
monthly as (
    select
        source_id,
        billing_month,
        payer_name,
        count(distinct explanation_of_benefit_id) as claim_count,
        count(*) as line_count,
        count(submitted_amount) as adjudicated_line_count,
        count(distinct encounter_key) as encounter_count,
        count(distinct patient_key) as patient_count,
        sum(cast(cast(submitted_amount as varchar) as decimal(38, 9))) as submitted_amount,
        sum(cast(cast(allowed_amount as varchar) as decimal(38, 9))) as allowed_amount,
        sum(cast(cast(paid_amount as varchar) as decimal(38, 9))) as paid_amount,
        sum(cast(cast(deductible_amount as varchar) as decimal(38, 9))) as deductible_amount,
        sum(cast(cast(coinsurance_amount as varchar) as decimal(38, 9))) as coinsurance_amount
    from billed
    group by source_id, billing_month, payer_name
),
final as (
    select
        monthly.source_id,
        monthly.billing_month,
        monthly.payer_name,
        case
            when monthly.payer_name = 'UNKNOWN' then 'unknown'
            else coalesce(payer_class.payer_class, 'unmapped')
        end as payer_class,
        monthly.claim_count,
        monthly.line_count,
        monthly.adjudicated_line_count,
        monthly.encounter_count,
        monthly.patient_count,
        monthly.submitted_amount,
        monthly.allowed_amount,
        monthly.paid_amount,
        monthly.deductible_amount,
        monthly.coinsurance_amount,
        cast(monthly.claim_count as double)
        / sum(monthly.claim_count) over (partition by monthly.source_id, monthly.billing_month) as claim_share,
        cast(monthly.encounter_count as double)
        / nullif(sum(monthly.encounter_count) over (partition by monthly.source_id, monthly.billing_month), 0)
            as encounter_share,
        cast(monthly.submitted_amount as double)
        / nullif(
            cast(sum(monthly.submitted_amount) over (partition by monthly.source_id, monthly.billing_month) as double),
            0
        ) as submitted_share
    from monthly
    left join payer_class on monthly.payer_name = payer_class.payer_name
)
select * from final
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.payer_mix_monthly
select * from (
        select
        cast(null as varchar) as source_id,
        cast(null as date) as billing_month,
        cast(null as varchar) as payer_name,
        cast(null as varchar) as payer_class,
        cast(null as bigint) as claim_count,
        cast(null as bigint) as line_count,
        cast(null as bigint) as adjudicated_line_count,
        cast(null as bigint) as encounter_count,
        cast(null as bigint) as patient_count,
        cast(null as decimal(38,9)) as submitted_amount,
        cast(null as decimal(38,9)) as allowed_amount,
        cast(null as decimal(38,9)) as paid_amount,
        cast(null as decimal(38,9)) as deductible_amount,
        cast(null as decimal(38,9)) as coinsurance_amount,
        cast(null as double) as claim_share,
        cast(null as double) as encounter_share,
        cast(null as double) as submitted_share
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.payer_mix_monthly
create table "awsdatacatalog"."dbt_build"."payer_mix_monthly"
    with (
      table_type='hive',
      is_external=true,external_location='s3://dbt-build/curated/dbt_build/payer_mix_monthly/<uuid>',
      format='parquet'
    )
    as
      with
claim_line as (
    select * from "awsdatacatalog"."operations"."claim_line"
),
claim as (
    select * from "awsdatacatalog"."operations"."claim"
),
payer_class as (
    select * from "awsdatacatalog"."dbt_build_work"."payer_class"
),
-- What was withdrawn, or only asked what would be paid, is not business done, be it the claim or the payer's answer.
-- A line without its claim counts.
billed as (
    select
        claim_line.*,
        -- The month needs no more than "2024-05", so it is taken from the text.
        try_cast(substring(claim_line.billable_start_text, 1, 7) || '-01' as date) as billing_month,
        coalesce(nullif(trim(claim_line.insurer_name), ''), nullif(trim(claim_line.coverage_name), ''), 'UNKNOWN')
            as payer_name,
        coalesce(claim_line.patient_id, claim_line.patient_reference) as patient_key,
        coalesce(claim_line.encounter_id, claim_line.encounter_reference) as encounter_key
    from claim_line
    left join claim
        on
            claim_line.source_id = claim.source_id
            and claim_line.claim_id = claim.claim_id
    where
        coalesce(claim_line.status, 'active') = 'active'
        and coalesce(claim_line.use, 'claim') = 'claim'
        and coalesce(claim.status, 'active') = 'active'
        and coalesce(claim.use, 'claim') = 'claim'
),
-- Amounts are added as decimals: a sum of doubles depends on the order of its rows, which no engine promises.
monthly as (
    select
        source_id,
        billing_month,
        payer_name,
        count(distinct explanation_of_benefit_id) as claim_count,
        count(*) as line_count,
        count(submitted_amount) as adjudicated_line_count,
        count(distinct encounter_key) as encounter_count,
        count(distinct patient_key) as patient_count,
        sum(cast(cast(submitted_amount as varchar) as decimal(38, 9))) as submitted_amount,
        sum(cast(cast(allowed_amount as varchar) as decimal(38, 9))) as allowed_amount,
        sum(cast(cast(paid_amount as varchar) as decimal(38, 9))) as paid_amount,
        sum(cast(cast(deductible_amount as varchar) as decimal(38, 9))) as deductible_amount,
        sum(cast(cast(coinsurance_amount as varchar) as decimal(38, 9))) as coinsurance_amount
    from billed
    group by source_id, billing_month, payer_name
),
final as (
    select
        monthly.source_id,
        monthly.billing_month,
        monthly.payer_name,
        case
            when monthly.payer_name = 'UNKNOWN' then 'unknown'
            else coalesce(payer_class.payer_class, 'unmapped')
        end as payer_class,
        monthly.claim_count,
        monthly.line_count,
        monthly.adjudicated_line_count,
        monthly.encounter_count,
        monthly.patient_count,
        monthly.submitted_amount,
        monthly.allowed_amount,
        monthly.paid_amount,
        monthly.deductible_amount,
        monthly.coinsurance_amount,
        cast(monthly.claim_count as double)
        / sum(monthly.claim_count) over (partition by monthly.source_id, monthly.billing_month) as claim_share,
        cast(monthly.encounter_count as double)
        / nullif(sum(monthly.encounter_count) over (partition by monthly.source_id, monthly.billing_month), 0)
            as encounter_share,
        cast(monthly.submitted_amount as double)
        / nullif(
            cast(sum(monthly.submitted_amount) over (partition by monthly.source_id, monthly.billing_month) as double),
            0
        ) as submitted_share
    from monthly
    left join payer_class on monthly.payer_name = payer_class.payer_name
)
select * from final;

-- model.caremesh.payer_mix_monthly
alter table `dbt_build`.`payer_mix_monthly` set tblproperties ('classification' = 'parquet');

-- model.caremesh.payer_mix_monthly
SELECT '{"rowcount":6,"data_scanned_in_bytes":<bytes>}';

-- model.caremesh.readmission_30d
select * from (
        with
stay_readmission as (
    select * from "awsdatacatalog"."dbt_build_work"."stay_readmission"
),
final as (
    select
        stay_id,
        source_id,
        patient_id,
        admission_date,
        discharge_date,
        discharge_month,
        stay_los_days,
        encounter_count,
        facility_count,
        admission_type_display,
        discharge_facility_name,
        discharge_disposition_code,
        is_against_advice,
        next_stay_id,
        next_admission_date,
        next_admission_type_display,
        days_to_next_admission,
        exclusion_reason,
        is_index,
        is_readmitted_30d,
        as_of_date
    from stay_readmission
    where stay_kind = 'inpatient'
)
select * from final
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.readmission_30d
select * from (
        select
        cast(null as varchar) as stay_id,
        cast(null as varchar) as source_id,
        cast(null as varchar) as patient_id,
        cast(null as date) as admission_date,
        cast(null as date) as discharge_date,
        cast(null as date) as discharge_month,
        cast(null as bigint) as stay_los_days,
        cast(null as bigint) as encounter_count,
        cast(null as bigint) as facility_count,
        cast(null as varchar) as admission_type_display,
        cast(null as varchar) as discharge_facility_name,
        cast(null as varchar) as discharge_disposition_code,
        cast(null as boolean) as is_against_advice,
        cast(null as varchar) as next_stay_id,
        cast(null as date) as next_admission_date,
        cast(null as varchar) as next_admission_type_display,
        cast(null as bigint) as days_to_next_admission,
        cast(null as varchar) as exclusion_reason,
        cast(null as boolean) as is_index,
        cast(null as boolean) as is_readmitted_30d,
        cast(null as date) as as_of_date
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.readmission_30d
create table "awsdatacatalog"."dbt_build"."readmission_30d"
    with (
      table_type='hive',
      is_external=true,external_location='s3://dbt-build/curated/dbt_build/readmission_30d/<uuid>',
      format='parquet'
    )
    as
      with
stay_readmission as (
    select * from "awsdatacatalog"."dbt_build_work"."stay_readmission"
),
final as (
    select
        stay_id,
        source_id,
        patient_id,
        admission_date,
        discharge_date,
        discharge_month,
        stay_los_days,
        encounter_count,
        facility_count,
        admission_type_display,
        discharge_facility_name,
        discharge_disposition_code,
        is_against_advice,
        next_stay_id,
        next_admission_date,
        next_admission_type_display,
        days_to_next_admission,
        exclusion_reason,
        is_index,
        is_readmitted_30d,
        as_of_date
    from stay_readmission
    where stay_kind = 'inpatient'
)
select * from final;

-- model.caremesh.readmission_30d
alter table `dbt_build`.`readmission_30d` set tblproperties ('classification' = 'parquet');

-- model.caremesh.readmission_30d
SELECT '{"rowcount":69,"data_scanned_in_bytes":<bytes>}';

-- model.caremesh.readmission_30d_acute
select * from (
        with
stay_readmission as (
    select * from "awsdatacatalog"."dbt_build_work"."stay_readmission"
),
final as (
    select
        stay_id,
        source_id,
        patient_id,
        admission_date,
        discharge_date,
        discharge_month,
        stay_los_days,
        encounter_count,
        facility_count,
        admission_type_display,
        discharge_facility_name,
        discharge_disposition_code,
        is_against_advice,
        next_stay_id,
        next_admission_date,
        next_admission_type_display,
        days_to_next_admission,
        exclusion_reason,
        is_index,
        is_readmitted_30d,
        as_of_date
    from stay_readmission
    where stay_kind = 'acute'
)
select * from final
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.readmission_30d_acute
select * from (
        select
        cast(null as varchar) as stay_id,
        cast(null as varchar) as source_id,
        cast(null as varchar) as patient_id,
        cast(null as date) as admission_date,
        cast(null as date) as discharge_date,
        cast(null as date) as discharge_month,
        cast(null as bigint) as stay_los_days,
        cast(null as bigint) as encounter_count,
        cast(null as bigint) as facility_count,
        cast(null as varchar) as admission_type_display,
        cast(null as varchar) as discharge_facility_name,
        cast(null as varchar) as discharge_disposition_code,
        cast(null as boolean) as is_against_advice,
        cast(null as varchar) as next_stay_id,
        cast(null as date) as next_admission_date,
        cast(null as varchar) as next_admission_type_display,
        cast(null as bigint) as days_to_next_admission,
        cast(null as varchar) as exclusion_reason,
        cast(null as boolean) as is_index,
        cast(null as boolean) as is_readmitted_30d,
        cast(null as date) as as_of_date
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.readmission_30d_acute
create table "awsdatacatalog"."dbt_build"."readmission_30d_acute"
    with (
      table_type='hive',
      is_external=true,external_location='s3://dbt-build/curated/dbt_build/readmission_30d_acute/<uuid>',
      format='parquet'
    )
    as
      with
stay_readmission as (
    select * from "awsdatacatalog"."dbt_build_work"."stay_readmission"
),
final as (
    select
        stay_id,
        source_id,
        patient_id,
        admission_date,
        discharge_date,
        discharge_month,
        stay_los_days,
        encounter_count,
        facility_count,
        admission_type_display,
        discharge_facility_name,
        discharge_disposition_code,
        is_against_advice,
        next_stay_id,
        next_admission_date,
        next_admission_type_display,
        days_to_next_admission,
        exclusion_reason,
        is_index,
        is_readmitted_30d,
        as_of_date
    from stay_readmission
    where stay_kind = 'acute'
)
select * from final;

-- model.caremesh.readmission_30d_acute
alter table `dbt_build`.`readmission_30d_acute` set tblproperties ('classification' = 'parquet');

-- model.caremesh.readmission_30d_acute
SELECT '{"rowcount":68,"data_scanned_in_bytes":<bytes>}';

-- model.caremesh.stay
select * from (
        with
encounter_stay as (
    select * from "awsdatacatalog"."dbt_build_work"."encounter_stay"
),
inpatient_encounter as (
    select * from "awsdatacatalog"."dbt_build_work"."inpatient_encounter"
),
patient as (
    select * from "awsdatacatalog"."clinical"."patient"
),
joined as (
    select
        encounter_stay.stay_kind,
        encounter_stay.stay_id,
        encounter_stay.is_first_of_stay,
        encounter_stay.is_last_of_stay,
        inpatient_encounter.*
    from encounter_stay
    inner join inpatient_encounter on encounter_stay.encounter_id = inpatient_encounter.encounter_id
),
-- One encounter still open keeps the whole stay open.
merged as (
    select
        source_id,
        stay_kind,
        stay_id,
        patient_key,
        max(patient_id) as patient_id,
        bool_or(is_patient_known) as is_patient_known,
        count(*) as encounter_count,
        count(distinct facility_key) as facility_count,
        min(admission_at) as admission_at,
        min(admission_date) as admission_date,
        case when not bool_or(los_status = 'still_admitted') then max(discharge_date) end as discharge_date,
        cast(
            case
                when bool_or(los_status = 'still_admitted') then 'still_admitted'
                when max(discharge_date) is not null then 'discharged'
                else 'date_unknown'
            end as varchar
        ) as los_status,
        max(case when is_first_of_stay then type_code end) as admission_type_code,
        max(case when is_first_of_stay then type_display end) as admission_type_display,
        max(case when is_last_of_stay then discharge_disposition_code end) as discharge_disposition_code,
        max(case when is_last_of_stay then facility_key end) as discharge_facility_key,
        max(case when is_last_of_stay then facility_name end) as discharge_facility_name,
        -- UB-04 patient status 20, 40, 41, 42; HL7 discharge-disposition exp.
        bool_or(coalesce(discharge_disposition_code in ('20', '40', '41', '42', 'exp'), false))
            as is_death_by_disposition
    from joined
    group by source_id, stay_kind, stay_id, patient_key
),
final as (
    select
        merged.stay_kind,
        merged.stay_id,
        merged.source_id,
        merged.patient_key,
        merged.patient_id,
        merged.is_patient_known,
        merged.encounter_count,
        merged.facility_count,
        merged.admission_at,
        merged.admission_date,
        merged.discharge_date,
        merged.los_status,
        date_diff('day', cast(merged.admission_date as date), cast(merged.discharge_date as date)) as stay_los_days,
        merged.admission_type_code,
        merged.admission_type_display,
        merged.discharge_disposition_code,
        merged.discharge_facility_key,
        merged.discharge_facility_name,
        -- Days are compared, not instants: Synthea's deaths come hours after the end of the encounter.
        merged.is_death_by_disposition
        or coalesce(cast(patient.deceased_at as date) <= merged.discharge_date, false) as is_died
    from merged
    left join patient
        on
            merged.source_id = patient.source_id
            and merged.patient_id = patient.patient_id
)
select * from final
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.stay
select * from (
        select
        cast(null as varchar) as stay_kind,
        cast(null as varchar) as stay_id,
        cast(null as varchar) as source_id,
        cast(null as varchar) as patient_key,
        cast(null as varchar) as patient_id,
        cast(null as boolean) as is_patient_known,
        cast(null as bigint) as encounter_count,
        cast(null as bigint) as facility_count,
        cast(null as timestamp) as admission_at,
        cast(null as date) as admission_date,
        cast(null as date) as discharge_date,
        cast(null as varchar) as los_status,
        cast(null as bigint) as stay_los_days,
        cast(null as varchar) as admission_type_code,
        cast(null as varchar) as admission_type_display,
        cast(null as varchar) as discharge_disposition_code,
        cast(null as varchar) as discharge_facility_key,
        cast(null as varchar) as discharge_facility_name,
        cast(null as boolean) as is_died
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.stay
create table "awsdatacatalog"."dbt_build_work"."stay"
    with (
      table_type='hive',
      is_external=true,external_location='s3://dbt-build/curated/dbt_build_work/stay/<uuid>',
      format='parquet'
    )
    as
      with
encounter_stay as (
    select * from "awsdatacatalog"."dbt_build_work"."encounter_stay"
),
inpatient_encounter as (
    select * from "awsdatacatalog"."dbt_build_work"."inpatient_encounter"
),
patient as (
    select * from "awsdatacatalog"."clinical"."patient"
),
joined as (
    select
        encounter_stay.stay_kind,
        encounter_stay.stay_id,
        encounter_stay.is_first_of_stay,
        encounter_stay.is_last_of_stay,
        inpatient_encounter.*
    from encounter_stay
    inner join inpatient_encounter on encounter_stay.encounter_id = inpatient_encounter.encounter_id
),
-- One encounter still open keeps the whole stay open.
merged as (
    select
        source_id,
        stay_kind,
        stay_id,
        patient_key,
        max(patient_id) as patient_id,
        bool_or(is_patient_known) as is_patient_known,
        count(*) as encounter_count,
        count(distinct facility_key) as facility_count,
        min(admission_at) as admission_at,
        min(admission_date) as admission_date,
        case when not bool_or(los_status = 'still_admitted') then max(discharge_date) end as discharge_date,
        cast(
            case
                when bool_or(los_status = 'still_admitted') then 'still_admitted'
                when max(discharge_date) is not null then 'discharged'
                else 'date_unknown'
            end as varchar
        ) as los_status,
        max(case when is_first_of_stay then type_code end) as admission_type_code,
        max(case when is_first_of_stay then type_display end) as admission_type_display,
        max(case when is_last_of_stay then discharge_disposition_code end) as discharge_disposition_code,
        max(case when is_last_of_stay then facility_key end) as discharge_facility_key,
        max(case when is_last_of_stay then facility_name end) as discharge_facility_name,
        -- UB-04 patient status 20, 40, 41, 42; HL7 discharge-disposition exp.
        bool_or(coalesce(discharge_disposition_code in ('20', '40', '41', '42', 'exp'), false))
            as is_death_by_disposition
    from joined
    group by source_id, stay_kind, stay_id, patient_key
),
final as (
    select
        merged.stay_kind,
        merged.stay_id,
        merged.source_id,
        merged.patient_key,
        merged.patient_id,
        merged.is_patient_known,
        merged.encounter_count,
        merged.facility_count,
        merged.admission_at,
        merged.admission_date,
        merged.discharge_date,
        merged.los_status,
        date_diff('day', cast(merged.admission_date as date), cast(merged.discharge_date as date)) as stay_los_days,
        merged.admission_type_code,
        merged.admission_type_display,
        merged.discharge_disposition_code,
        merged.discharge_facility_key,
        merged.discharge_facility_name,
        -- Days are compared, not instants: Synthea's deaths come hours after the end of the encounter.
        merged.is_death_by_disposition
        or coalesce(cast(patient.deceased_at as date) <= merged.discharge_date, false) as is_died
    from merged
    left join patient
        on
            merged.source_id = patient.source_id
            and merged.patient_id = patient.patient_id
)
select * from final;

-- model.caremesh.stay
alter table `dbt_build_work`.`stay` set tblproperties ('classification' = 'parquet');

-- model.caremesh.stay
SELECT '{"rowcount":137,"data_scanned_in_bytes":<bytes>}';

-- model.caremesh.stay_readmission
select * from (
        with
stay as (
    select * from "awsdatacatalog"."dbt_build_work"."stay"
),
as_of_day as (
    select * from "awsdatacatalog"."dbt_build_work"."as_of_day"
),
followed as (
    select
        stay.*,
        lead(stay_id) over (partition by stay_kind, patient_key order by admission_at, stay_id) as next_stay_id,
        lead(admission_date) over (partition by stay_kind, patient_key order by admission_at, stay_id)
            as next_admission_date,
        lead(admission_type_display) over (partition by stay_kind, patient_key order by admission_at, stay_id)
            as next_admission_type_display
    from stay
),
judged as (
    select
        followed.*,
        as_of_day.as_of_date,
        date_diff('day', cast(followed.discharge_date as date), cast(followed.next_admission_date as date)) as days_to_next_admission,
        cast(
            case
                when not followed.is_patient_known then 'patient_unknown'
                when followed.los_status = 'still_admitted' then 'still_admitted'
                when followed.los_status = 'date_unknown' then 'discharge_date_unknown'
                when followed.is_died then 'died'
                -- The 30 days must have passed, also where the patient is back already: otherwise early returns are
                -- counted before the late non-returns are.
                when
                    date_diff('day', cast(followed.discharge_date as date), cast(as_of_day.as_of_date as date)) < 30
                    then 'run_out_incomplete'
            end as varchar
        ) as exclusion_reason
    from followed
    inner join as_of_day on followed.source_id = as_of_day.source_id
),
final as (
    select
        source_id,
        stay_kind,
        stay_id,
        patient_id,
        admission_date,
        discharge_date,
        cast(date_trunc('month', discharge_date) as date) as discharge_month,
        stay_los_days,
        encounter_count,
        facility_count,
        admission_type_display,
        discharge_facility_name,
        discharge_disposition_code,
        -- UB-04 patient status 07; HL7 discharge-disposition aadvice.
        coalesce(discharge_disposition_code in ('07', '7', 'aadvice'), false) as is_against_advice,
        next_stay_id,
        next_admission_date,
        next_admission_type_display,
        days_to_next_admission,
        exclusion_reason,
        exclusion_reason is null as is_index,
        case
            when exclusion_reason is null then coalesce(days_to_next_admission between 0 and 30, false)
        end as is_readmitted_30d,
        as_of_date
    from judged
)
select * from final
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.stay_readmission
select * from (
        select
        cast(null as varchar) as source_id,
        cast(null as varchar) as stay_kind,
        cast(null as varchar) as stay_id,
        cast(null as varchar) as patient_id,
        cast(null as date) as admission_date,
        cast(null as date) as discharge_date,
        cast(null as date) as discharge_month,
        cast(null as bigint) as stay_los_days,
        cast(null as bigint) as encounter_count,
        cast(null as bigint) as facility_count,
        cast(null as varchar) as admission_type_display,
        cast(null as varchar) as discharge_facility_name,
        cast(null as varchar) as discharge_disposition_code,
        cast(null as boolean) as is_against_advice,
        cast(null as varchar) as next_stay_id,
        cast(null as date) as next_admission_date,
        cast(null as varchar) as next_admission_type_display,
        cast(null as bigint) as days_to_next_admission,
        cast(null as varchar) as exclusion_reason,
        cast(null as boolean) as is_index,
        cast(null as boolean) as is_readmitted_30d,
        cast(null as date) as as_of_date
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.stay_readmission
create table "awsdatacatalog"."dbt_build_work"."stay_readmission"
    with (
      table_type='hive',
      is_external=true,external_location='s3://dbt-build/curated/dbt_build_work/stay_readmission/<uuid>',
      format='parquet'
    )
    as
      with
stay as (
    select * from "awsdatacatalog"."dbt_build_work"."stay"
),
as_of_day as (
    select * from "awsdatacatalog"."dbt_build_work"."as_of_day"
),
followed as (
    select
        stay.*,
        lead(stay_id) over (partition by stay_kind, patient_key order by admission_at, stay_id) as next_stay_id,
        lead(admission_date) over (partition by stay_kind, patient_key order by admission_at, stay_id)
            as next_admission_date,
        lead(admission_type_display) over (partition by stay_kind, patient_key order by admission_at, stay_id)
            as next_admission_type_display
    from stay
),
judged as (
    select
        followed.*,
        as_of_day.as_of_date,
        date_diff('day', cast(followed.discharge_date as date), cast(followed.next_admission_date as date)) as days_to_next_admission,
        cast(
            case
                when not followed.is_patient_known then 'patient_unknown'
                when followed.los_status = 'still_admitted' then 'still_admitted'
                when followed.los_status = 'date_unknown' then 'discharge_date_unknown'
                when followed.is_died then 'died'
                -- The 30 days must have passed, also where the patient is back already: otherwise early returns are
                -- counted before the late non-returns are.
                when
                    date_diff('day', cast(followed.discharge_date as date), cast(as_of_day.as_of_date as date)) < 30
                    then 'run_out_incomplete'
            end as varchar
        ) as exclusion_reason
    from followed
    inner join as_of_day on followed.source_id = as_of_day.source_id
),
final as (
    select
        source_id,
        stay_kind,
        stay_id,
        patient_id,
        admission_date,
        discharge_date,
        cast(date_trunc('month', discharge_date) as date) as discharge_month,
        stay_los_days,
        encounter_count,
        facility_count,
        admission_type_display,
        discharge_facility_name,
        discharge_disposition_code,
        -- UB-04 patient status 07; HL7 discharge-disposition aadvice.
        coalesce(discharge_disposition_code in ('07', '7', 'aadvice'), false) as is_against_advice,
        next_stay_id,
        next_admission_date,
        next_admission_type_display,
        days_to_next_admission,
        exclusion_reason,
        exclusion_reason is null as is_index,
        case
            when exclusion_reason is null then coalesce(days_to_next_admission between 0 and 30, false)
        end as is_readmitted_30d,
        as_of_date
    from judged
)
select * from final;

-- model.caremesh.stay_readmission
alter table `dbt_build_work`.`stay_readmission` set tblproperties ('classification' = 'parquet');

-- model.caremesh.stay_readmission
SELECT '{"rowcount":137,"data_scanned_in_bytes":<bytes>}';

-- model.caremesh.stg_encounter
select * from (
        with
encounter as (
    select * from "awsdatacatalog"."clinical"."encounter"
),
-- Neither a plan nor a mistake is a visit.
took_place as (
    select *
    from encounter
    where status not in ('planned', 'cancelled', 'entered-in-error')
),
final as (
    select
        source_id,
        encounter_id,
        patient_id,
        -- A reference that is not a relative one still names one patient of its source; an encounter of nobody stands
        -- alone.
        source_id || ' ' || coalesce(patient_id, patient_reference, 'encounter ' || encounter_id) as patient_key,
        patient_id is not null or patient_reference is not null as is_patient_known,
    status,
        class_code,
        -- HL7 v3 ActCode: ACUTE and NONAC are kinds of IMP.
        coalesce(class_code in ('IMP', 'ACUTE', 'NONAC'), false) as is_inpatient,
        type_system,
        type_code,
        type_display,
        discharge_disposition_code,
    coalesce(service_provider_id, service_provider_reference, service_provider_name) as facility_key,
        service_provider_name as facility_name,
    period_start_at as started_at,
        period_end_at as ended_at,
        cast(period_start_at as date) as start_date,
        cast(period_end_at as date) as end_date,
        -- FHIR: an end written as a day includes the whole day.
        length(period_end_text) = 10 as is_end_a_day,
        status in ('arrived', 'triaged', 'in-progress', 'onleave') and period_end_text is null as is_open
    from took_place
)
select * from final
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.stg_encounter
select * from (
        select
        cast(null as varchar) as source_id,
        cast(null as varchar) as encounter_id,
        cast(null as varchar) as patient_id,
        cast(null as varchar) as patient_key,
        cast(null as boolean) as is_patient_known,
        cast(null as varchar) as status,
        cast(null as varchar) as class_code,
        cast(null as boolean) as is_inpatient,
        cast(null as varchar) as type_system,
        cast(null as varchar) as type_code,
        cast(null as varchar) as type_display,
        cast(null as varchar) as discharge_disposition_code,
        cast(null as varchar) as facility_key,
        cast(null as varchar) as facility_name,
        cast(null as timestamp) as started_at,
        cast(null as timestamp) as ended_at,
        cast(null as date) as start_date,
        cast(null as date) as end_date,
        cast(null as boolean) as is_end_a_day,
        cast(null as boolean) as is_open
    ) as __dbt_sbq
    where false
    limit 0;

-- model.caremesh.stg_encounter
create table "awsdatacatalog"."dbt_build_work"."stg_encounter"
    with (
      table_type='hive',
      is_external=true,external_location='s3://dbt-build/curated/dbt_build_work/stg_encounter/<uuid>',
      format='parquet'
    )
    as
      with
encounter as (
    select * from "awsdatacatalog"."clinical"."encounter"
),
-- Neither a plan nor a mistake is a visit.
took_place as (
    select *
    from encounter
    where status not in ('planned', 'cancelled', 'entered-in-error')
),
final as (
    select
        source_id,
        encounter_id,
        patient_id,
        -- A reference that is not a relative one still names one patient of its source; an encounter of nobody stands
        -- alone.
        source_id || ' ' || coalesce(patient_id, patient_reference, 'encounter ' || encounter_id) as patient_key,
        patient_id is not null or patient_reference is not null as is_patient_known,
    status,
        class_code,
        -- HL7 v3 ActCode: ACUTE and NONAC are kinds of IMP.
        coalesce(class_code in ('IMP', 'ACUTE', 'NONAC'), false) as is_inpatient,
        type_system,
        type_code,
        type_display,
        discharge_disposition_code,
    coalesce(service_provider_id, service_provider_reference, service_provider_name) as facility_key,
        service_provider_name as facility_name,
    period_start_at as started_at,
        period_end_at as ended_at,
        cast(period_start_at as date) as start_date,
        cast(period_end_at as date) as end_date,
        -- FHIR: an end written as a day includes the whole day.
        length(period_end_text) = 10 as is_end_a_day,
        status in ('arrived', 'triaged', 'in-progress', 'onleave') and period_end_text is null as is_open
    from took_place
)
select * from final;

-- model.caremesh.stg_encounter
alter table `dbt_build_work`.`stg_encounter` set tblproperties ('classification' = 'parquet');

-- model.caremesh.stg_encounter
SELECT '{"rowcount":86,"data_scanned_in_bytes":<bytes>}';

-- seed.caremesh.encounter_setting
create external table `dbt_build_work`.`encounter_setting__dbt_tmp` (`type_system` string, `type_code` string, `setting` string, `type_display` string)
    row format serde 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
    location 's3://dbt-build/curated/dbt_build_work/encounter_setting__dbt_tmp/<uuid>'
    tblproperties (
      'skip.header.line.count'='1'
    );

-- seed.caremesh.encounter_setting
create table "awsdatacatalog"."dbt_build_work"."encounter_setting"
    with (
      table_type='hive',
      is_external=true,external_location='s3://dbt-build/curated/dbt_build_work/encounter_setting/<uuid>',
      format='parquet'
    )
    as
    select
              cast(nullif("type_system", '') as varchar) as "type_system"
            ,
              cast(nullif("type_code", '') as varchar) as "type_code"
            ,
              cast(nullif("setting", '') as varchar) as "setting"
            ,
              cast(nullif("type_display", '') as varchar) as "type_display"
    from
        "awsdatacatalog"."dbt_build_work"."encounter_setting__dbt_tmp";

-- seed.caremesh.payer_class
create external table `dbt_build_work`.`payer_class__dbt_tmp` (`payer_name` string, `payer_class` string)
    row format serde 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
    location 's3://dbt-build/curated/dbt_build_work/payer_class__dbt_tmp/<uuid>'
    tblproperties (
      'skip.header.line.count'='1'
    );

-- seed.caremesh.payer_class
create table "awsdatacatalog"."dbt_build_work"."payer_class"
    with (
      table_type='hive',
      is_external=true,external_location='s3://dbt-build/curated/dbt_build_work/payer_class/<uuid>',
      format='parquet'
    )
    as
    select
              cast(nullif("payer_name", '') as varchar) as "payer_name"
            ,
              cast(nullif("payer_class", '') as varchar) as "payer_class"
    from
        "awsdatacatalog"."dbt_build_work"."payer_class__dbt_tmp";

-- test.caremesh.accepted_values_encounter_stay_stay_kind__inpatient__acute.c29eecfe56
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with all_values as (
select
        stay_kind as value_field,
        count(*) as n_records
from "awsdatacatalog"."dbt_build_work"."encounter_stay"
    group by stay_kind
)
select *
from all_values
where value_field not in (
    'inpatient','acute'
)
    ) dbt_internal_test;

-- test.caremesh.accepted_values_inpatient_encounter_los_status__discharged__still_admitted__negative__date_unknown.da65a877c5
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with all_values as (
select
        los_status as value_field,
        count(*) as n_records
from "awsdatacatalog"."dbt_build_work"."inpatient_encounter"
    group by los_status
)
select *
from all_values
where value_field not in (
    'discharged','still_admitted','negative','date_unknown'
)
    ) dbt_internal_test;

-- test.caremesh.accepted_values_length_of_stay_class_code__IMP__ACUTE__NONAC.3b8d64f7d6
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with all_values as (
select
        class_code as value_field,
        count(*) as n_records
from "awsdatacatalog"."dbt_build"."length_of_stay"
    group by class_code
)
select *
from all_values
where value_field not in (
    'IMP','ACUTE','NONAC'
)
    ) dbt_internal_test;

-- test.caremesh.accepted_values_length_of_stay_los_status__discharged__still_admitted__negative__date_unknown.7e00faf9e6
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with all_values as (
select
        los_status as value_field,
        count(*) as n_records
from "awsdatacatalog"."dbt_build"."length_of_stay"
    group by los_status
)
select *
from all_values
where value_field not in (
    'discharged','still_admitted','negative','date_unknown'
)
    ) dbt_internal_test;

-- test.caremesh.accepted_values_payer_class_payer_class__commercial__medicaid__medicare__dual_eligible__no_insurance.c5e21d00cc
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with all_values as (
select
        payer_class as value_field,
        count(*) as n_records
from "awsdatacatalog"."dbt_build_work"."payer_class"
    group by payer_class
)
select *
from all_values
where value_field not in (
    'commercial','medicaid','medicare','dual_eligible','no_insurance'
)
    ) dbt_internal_test;

-- test.caremesh.accepted_values_payer_mix_monthly_payer_class__commercial__medicaid__medicare__dual_eligible__no_insurance__unknown__unmapped.80f514da95
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with all_values as (
select
        payer_class as value_field,
        count(*) as n_records
from "awsdatacatalog"."dbt_build"."payer_mix_monthly"
    group by payer_class
)
select *
from all_values
where value_field not in (
    'commercial','medicaid','medicare','dual_eligible','no_insurance','unknown','unmapped'
)
    ) dbt_internal_test;

-- test.caremesh.accepted_values_readmission_30d_acute_exclusion_reason__patient_unknown__still_admitted__discharge_date_unknown__died__run_out_incomplete.7ce4a8a49b
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with all_values as (
select
        exclusion_reason as value_field,
        count(*) as n_records
from "awsdatacatalog"."dbt_build"."readmission_30d_acute"
    group by exclusion_reason
)
select *
from all_values
where value_field not in (
    'patient_unknown','still_admitted','discharge_date_unknown','died','run_out_incomplete'
)
    ) dbt_internal_test;

-- test.caremesh.accepted_values_readmission_30d_exclusion_reason__patient_unknown__still_admitted__discharge_date_unknown__died__run_out_incomplete.507115bd20
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with all_values as (
select
        exclusion_reason as value_field,
        count(*) as n_records
from "awsdatacatalog"."dbt_build"."readmission_30d"
    group by exclusion_reason
)
select *
from all_values
where value_field not in (
    'patient_unknown','still_admitted','discharge_date_unknown','died','run_out_incomplete'
)
    ) dbt_internal_test;

-- test.caremesh.accepted_values_stay_los_status__discharged__still_admitted__date_unknown.128db2d8f6
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with all_values as (
select
        los_status as value_field,
        count(*) as n_records
from "awsdatacatalog"."dbt_build_work"."stay"
    group by los_status
)
select *
from all_values
where value_field not in (
    'discharged','still_admitted','date_unknown'
)
    ) dbt_internal_test;

-- test.caremesh.accepted_values_stay_readmission_exclusion_reason__patient_unknown__still_admitted__discharge_date_unknown__died__run_out_incomplete.0c34223169
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with all_values as (
select
        exclusion_reason as value_field,
        count(*) as n_records
from "awsdatacatalog"."dbt_build_work"."stay_readmission"
    group by exclusion_reason
)
select *
from all_values
where value_field not in (
    'patient_unknown','still_admitted','discharge_date_unknown','died','run_out_incomplete'
)
    ) dbt_internal_test;

-- test.caremesh.not_negative_inpatient_encounter_los_days.5f6e1e0faa
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select los_days
from "awsdatacatalog"."dbt_build_work"."inpatient_encounter"
where los_days < 0
    ) dbt_internal_test;

-- test.caremesh.not_negative_length_of_stay_acute_stay_los_days.e838fe69d7
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select acute_stay_los_days
from "awsdatacatalog"."dbt_build"."length_of_stay"
where acute_stay_los_days < 0
    ) dbt_internal_test;

-- test.caremesh.not_negative_length_of_stay_los_days.09cfb61e11
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select los_days
from "awsdatacatalog"."dbt_build"."length_of_stay"
where los_days < 0
    ) dbt_internal_test;

-- test.caremesh.not_negative_length_of_stay_stay_los_days.b21d8df473
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select stay_los_days
from "awsdatacatalog"."dbt_build"."length_of_stay"
where stay_los_days < 0
    ) dbt_internal_test;

-- test.caremesh.not_negative_readmission_30d_acute_days_to_next_admission.f3e8823175
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select days_to_next_admission
from "awsdatacatalog"."dbt_build"."readmission_30d_acute"
where days_to_next_admission < 0
    ) dbt_internal_test;

-- test.caremesh.not_negative_readmission_30d_acute_stay_los_days.77aeb92dc9
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select stay_los_days
from "awsdatacatalog"."dbt_build"."readmission_30d_acute"
where stay_los_days < 0
    ) dbt_internal_test;

-- test.caremesh.not_negative_readmission_30d_days_to_next_admission.b446123c6b
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select days_to_next_admission
from "awsdatacatalog"."dbt_build"."readmission_30d"
where days_to_next_admission < 0
    ) dbt_internal_test;

-- test.caremesh.not_negative_readmission_30d_stay_los_days.38f54e99ac
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select stay_los_days
from "awsdatacatalog"."dbt_build"."readmission_30d"
where stay_los_days < 0
    ) dbt_internal_test;

-- test.caremesh.not_negative_stay_readmission_days_to_next_admission.06cfd47831
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select days_to_next_admission
from "awsdatacatalog"."dbt_build_work"."stay_readmission"
where days_to_next_admission < 0
    ) dbt_internal_test;

-- test.caremesh.not_negative_stay_readmission_stay_los_days.3c9e2c7657
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select stay_los_days
from "awsdatacatalog"."dbt_build_work"."stay_readmission"
where stay_los_days < 0
    ) dbt_internal_test;

-- test.caremesh.not_negative_stay_stay_los_days.66bcc442c1
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select stay_los_days
from "awsdatacatalog"."dbt_build_work"."stay"
where stay_los_days < 0
    ) dbt_internal_test;

-- test.caremesh.not_null_age_day_source_id.fca1d90be6
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select source_id
from "awsdatacatalog"."dbt_build_work"."age_day"
where source_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_as_of_day_source_id.8e62dfff6f
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select source_id
from "awsdatacatalog"."dbt_build_work"."as_of_day"
where source_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_encounter_setting_setting.601ede2564
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select setting
from "awsdatacatalog"."dbt_build_work"."encounter_setting"
where setting is null
    ) dbt_internal_test;

-- test.caremesh.not_null_encounter_setting_type_code.43be486e67
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select type_code
from "awsdatacatalog"."dbt_build_work"."encounter_setting"
where type_code is null
    ) dbt_internal_test;

-- test.caremesh.not_null_encounter_setting_type_system.64c19dc0ab
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select type_system
from "awsdatacatalog"."dbt_build_work"."encounter_setting"
where type_system is null
    ) dbt_internal_test;

-- test.caremesh.not_null_encounter_stay_encounter_id.5813f7fa5a
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select encounter_id
from "awsdatacatalog"."dbt_build_work"."encounter_stay"
where encounter_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_encounter_stay_stay_id.eff6b08250
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select stay_id
from "awsdatacatalog"."dbt_build_work"."encounter_stay"
where stay_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_encounter_stay_stay_kind.1ccb8e655e
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select stay_kind
from "awsdatacatalog"."dbt_build_work"."encounter_stay"
where stay_kind is null
    ) dbt_internal_test;

-- test.caremesh.not_null_inpatient_encounter_encounter_id.9a5915281f
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select encounter_id
from "awsdatacatalog"."dbt_build_work"."inpatient_encounter"
where encounter_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_inpatient_encounter_is_acute.248b48b475
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select is_acute
from "awsdatacatalog"."dbt_build_work"."inpatient_encounter"
where is_acute is null
    ) dbt_internal_test;

-- test.caremesh.not_null_inpatient_encounter_los_status.5c1c0f196d
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select los_status
from "awsdatacatalog"."dbt_build_work"."inpatient_encounter"
where los_status is null
    ) dbt_internal_test;

-- test.caremesh.not_null_inpatient_encounter_patient_key.18ebbf9a2e
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select patient_key
from "awsdatacatalog"."dbt_build_work"."inpatient_encounter"
where patient_key is null
    ) dbt_internal_test;

-- test.caremesh.not_null_inpatient_encounter_setting.9183d8589f
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select setting
from "awsdatacatalog"."dbt_build_work"."inpatient_encounter"
where setting is null
    ) dbt_internal_test;

-- test.caremesh.not_null_inpatient_encounter_source_id.8f56d61bf2
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select source_id
from "awsdatacatalog"."dbt_build_work"."inpatient_encounter"
where source_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_length_of_stay_encounter_id.e541b99172
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select encounter_id
from "awsdatacatalog"."dbt_build"."length_of_stay"
where encounter_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_length_of_stay_is_acute.cb63c4c946
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select is_acute
from "awsdatacatalog"."dbt_build"."length_of_stay"
where is_acute is null
    ) dbt_internal_test;

-- test.caremesh.not_null_length_of_stay_is_last_of_acute_stay.45fe07d6ab
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select is_last_of_acute_stay
from "awsdatacatalog"."dbt_build"."length_of_stay"
where is_last_of_acute_stay is null
    ) dbt_internal_test;

-- test.caremesh.not_null_length_of_stay_is_last_of_stay.658b9bd6a3
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select is_last_of_stay
from "awsdatacatalog"."dbt_build"."length_of_stay"
where is_last_of_stay is null
    ) dbt_internal_test;

-- test.caremesh.not_null_length_of_stay_los_status.4757418cb3
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select los_status
from "awsdatacatalog"."dbt_build"."length_of_stay"
where los_status is null
    ) dbt_internal_test;

-- test.caremesh.not_null_length_of_stay_setting.602f49c344
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select setting
from "awsdatacatalog"."dbt_build"."length_of_stay"
where setting is null
    ) dbt_internal_test;

-- test.caremesh.not_null_length_of_stay_source_id.d31bf9cee4
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select source_id
from "awsdatacatalog"."dbt_build"."length_of_stay"
where source_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_patient_summary_active_condition_count.f7005a7257
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select active_condition_count
from "awsdatacatalog"."dbt_build"."patient_summary"
where active_condition_count is null
    ) dbt_internal_test;

-- test.caremesh.not_null_patient_summary_ambulatory_encounter_count.368ae5f081
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select ambulatory_encounter_count
from "awsdatacatalog"."dbt_build"."patient_summary"
where ambulatory_encounter_count is null
    ) dbt_internal_test;

-- test.caremesh.not_null_patient_summary_emergency_encounter_count.f49e719d95
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select emergency_encounter_count
from "awsdatacatalog"."dbt_build"."patient_summary"
where emergency_encounter_count is null
    ) dbt_internal_test;

-- test.caremesh.not_null_patient_summary_encounter_count.6e83efc696
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select encounter_count
from "awsdatacatalog"."dbt_build"."patient_summary"
where encounter_count is null
    ) dbt_internal_test;

-- test.caremesh.not_null_patient_summary_inpatient_encounter_count.9b8d17d1cd
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select inpatient_encounter_count
from "awsdatacatalog"."dbt_build"."patient_summary"
where inpatient_encounter_count is null
    ) dbt_internal_test;

-- test.caremesh.not_null_patient_summary_is_deceased.f2e0ec9026
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select is_deceased
from "awsdatacatalog"."dbt_build"."patient_summary"
where is_deceased is null
    ) dbt_internal_test;

-- test.caremesh.not_null_patient_summary_patient_id.a1f8d6176a
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select patient_id
from "awsdatacatalog"."dbt_build"."patient_summary"
where patient_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_patient_summary_source_id.e9c9e982cb
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select source_id
from "awsdatacatalog"."dbt_build"."patient_summary"
where source_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_payer_class_payer_class.43dfaf80cc
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select payer_class
from "awsdatacatalog"."dbt_build_work"."payer_class"
where payer_class is null
    ) dbt_internal_test;

-- test.caremesh.not_null_payer_class_payer_name.d932b77670
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select payer_name
from "awsdatacatalog"."dbt_build_work"."payer_class"
where payer_name is null
    ) dbt_internal_test;

-- test.caremesh.not_null_payer_mix_monthly_adjudicated_line_count.52a45bd093
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select adjudicated_line_count
from "awsdatacatalog"."dbt_build"."payer_mix_monthly"
where adjudicated_line_count is null
    ) dbt_internal_test;

-- test.caremesh.not_null_payer_mix_monthly_claim_count.b44bd9e80d
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select claim_count
from "awsdatacatalog"."dbt_build"."payer_mix_monthly"
where claim_count is null
    ) dbt_internal_test;

-- test.caremesh.not_null_payer_mix_monthly_claim_share.d1ed8cdcf1
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select claim_share
from "awsdatacatalog"."dbt_build"."payer_mix_monthly"
where claim_share is null
    ) dbt_internal_test;

-- test.caremesh.not_null_payer_mix_monthly_encounter_count.3f84fff98c
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select encounter_count
from "awsdatacatalog"."dbt_build"."payer_mix_monthly"
where encounter_count is null
    ) dbt_internal_test;

-- test.caremesh.not_null_payer_mix_monthly_line_count.a0bb3798ed
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select line_count
from "awsdatacatalog"."dbt_build"."payer_mix_monthly"
where line_count is null
    ) dbt_internal_test;

-- test.caremesh.not_null_payer_mix_monthly_patient_count.5a7660b08a
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select patient_count
from "awsdatacatalog"."dbt_build"."payer_mix_monthly"
where patient_count is null
    ) dbt_internal_test;

-- test.caremesh.not_null_payer_mix_monthly_payer_class.b763314490
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select payer_class
from "awsdatacatalog"."dbt_build"."payer_mix_monthly"
where payer_class is null
    ) dbt_internal_test;

-- test.caremesh.not_null_payer_mix_monthly_payer_name.86f748de15
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select payer_name
from "awsdatacatalog"."dbt_build"."payer_mix_monthly"
where payer_name is null
    ) dbt_internal_test;

-- test.caremesh.not_null_payer_mix_monthly_source_id.b16b0dd1cf
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select source_id
from "awsdatacatalog"."dbt_build"."payer_mix_monthly"
where source_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_readmission_30d_acute_as_of_date.8f9aa138b8
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select as_of_date
from "awsdatacatalog"."dbt_build"."readmission_30d_acute"
where as_of_date is null
    ) dbt_internal_test;

-- test.caremesh.not_null_readmission_30d_acute_is_index.921c2a4841
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select is_index
from "awsdatacatalog"."dbt_build"."readmission_30d_acute"
where is_index is null
    ) dbt_internal_test;

-- test.caremesh.not_null_readmission_30d_acute_source_id.b3a7da04bc
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select source_id
from "awsdatacatalog"."dbt_build"."readmission_30d_acute"
where source_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_readmission_30d_acute_stay_id.25e0de8681
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select stay_id
from "awsdatacatalog"."dbt_build"."readmission_30d_acute"
where stay_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_readmission_30d_as_of_date.a0dfa5da8a
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select as_of_date
from "awsdatacatalog"."dbt_build"."readmission_30d"
where as_of_date is null
    ) dbt_internal_test;

-- test.caremesh.not_null_readmission_30d_is_index.dae0403467
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select is_index
from "awsdatacatalog"."dbt_build"."readmission_30d"
where is_index is null
    ) dbt_internal_test;

-- test.caremesh.not_null_readmission_30d_source_id.d7e29ca365
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select source_id
from "awsdatacatalog"."dbt_build"."readmission_30d"
where source_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_readmission_30d_stay_id.fc231989bf
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select stay_id
from "awsdatacatalog"."dbt_build"."readmission_30d"
where stay_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_stay_readmission_as_of_date.d1a3220ad3
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select as_of_date
from "awsdatacatalog"."dbt_build_work"."stay_readmission"
where as_of_date is null
    ) dbt_internal_test;

-- test.caremesh.not_null_stay_readmission_is_index.03dad9ea3b
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select is_index
from "awsdatacatalog"."dbt_build_work"."stay_readmission"
where is_index is null
    ) dbt_internal_test;

-- test.caremesh.not_null_stay_readmission_source_id.4ccdb7f99a
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select source_id
from "awsdatacatalog"."dbt_build_work"."stay_readmission"
where source_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_stay_readmission_stay_id.dcbc745679
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select stay_id
from "awsdatacatalog"."dbt_build_work"."stay_readmission"
where stay_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_stay_source_id.fc1690b4b4
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select source_id
from "awsdatacatalog"."dbt_build_work"."stay"
where source_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_stay_stay_id.2a3e6fa4c1
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select stay_id
from "awsdatacatalog"."dbt_build_work"."stay"
where stay_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_stg_encounter_encounter_id.5107038249
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select encounter_id
from "awsdatacatalog"."dbt_build_work"."stg_encounter"
where encounter_id is null
    ) dbt_internal_test;

-- test.caremesh.not_null_stg_encounter_is_inpatient.53a64a163e
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select is_inpatient
from "awsdatacatalog"."dbt_build_work"."stg_encounter"
where is_inpatient is null
    ) dbt_internal_test;

-- test.caremesh.not_null_stg_encounter_patient_key.696817366f
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select patient_key
from "awsdatacatalog"."dbt_build_work"."stg_encounter"
where patient_key is null
    ) dbt_internal_test;

-- test.caremesh.not_null_stg_encounter_source_id.ee4336d88d
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select source_id
from "awsdatacatalog"."dbt_build_work"."stg_encounter"
where source_id is null
    ) dbt_internal_test;

-- test.caremesh.relationships_encounter_stay_encounter_id__encounter_id__ref_inpatient_encounter_.fc4efdc567
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with child as (
    select encounter_id as from_field
    from "awsdatacatalog"."dbt_build_work"."encounter_stay"
    where encounter_id is not null
),
parent as (
    select encounter_id as to_field
    from "awsdatacatalog"."dbt_build_work"."inpatient_encounter"
)
select
    from_field
from child
left join parent
    on child.from_field = parent.to_field
where parent.to_field is null
    ) dbt_internal_test;

-- test.caremesh.relationships_length_of_stay_patient_id__patient_id__source_clinical_patient_.ebf5a8c6f5
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with child as (
    select patient_id as from_field
    from "awsdatacatalog"."dbt_build"."length_of_stay"
    where patient_id is not null
),
parent as (
    select patient_id as to_field
    from "awsdatacatalog"."clinical"."patient"
)
select
    from_field
from child
left join parent
    on child.from_field = parent.to_field
where parent.to_field is null
    ) dbt_internal_test;

-- test.caremesh.relationships_readmission_30d_acute_next_stay_id__stay_id__ref_readmission_30d_acute_.02141affe7
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with child as (
    select next_stay_id as from_field
    from "awsdatacatalog"."dbt_build"."readmission_30d_acute"
    where next_stay_id is not null
),
parent as (
    select stay_id as to_field
    from "awsdatacatalog"."dbt_build"."readmission_30d_acute"
)
select
    from_field
from child
left join parent
    on child.from_field = parent.to_field
where parent.to_field is null
    ) dbt_internal_test;

-- test.caremesh.relationships_readmission_30d_acute_patient_id__patient_id__source_clinical_patient_.ead3434226
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with child as (
    select patient_id as from_field
    from "awsdatacatalog"."dbt_build"."readmission_30d_acute"
    where patient_id is not null
),
parent as (
    select patient_id as to_field
    from "awsdatacatalog"."clinical"."patient"
)
select
    from_field
from child
left join parent
    on child.from_field = parent.to_field
where parent.to_field is null
    ) dbt_internal_test;

-- test.caremesh.relationships_readmission_30d_next_stay_id__stay_id__ref_readmission_30d_.3567eecb2d
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with child as (
    select next_stay_id as from_field
    from "awsdatacatalog"."dbt_build"."readmission_30d"
    where next_stay_id is not null
),
parent as (
    select stay_id as to_field
    from "awsdatacatalog"."dbt_build"."readmission_30d"
)
select
    from_field
from child
left join parent
    on child.from_field = parent.to_field
where parent.to_field is null
    ) dbt_internal_test;

-- test.caremesh.relationships_readmission_30d_patient_id__patient_id__source_clinical_patient_.b7a4eebf92
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
with child as (
    select patient_id as from_field
    from "awsdatacatalog"."dbt_build"."readmission_30d"
    where patient_id is not null
),
parent as (
    select patient_id as to_field
    from "awsdatacatalog"."clinical"."patient"
)
select
    from_field
from child
left join parent
    on child.from_field = parent.to_field
where parent.to_field is null
    ) dbt_internal_test;

-- test.caremesh.unique_inpatient_encounter_encounter_id.ed153610ef
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select
    encounter_id as unique_field,
    count(*) as n_records
from "awsdatacatalog"."dbt_build_work"."inpatient_encounter"
where encounter_id is not null
group by encounter_id
having count(*) > 1
    ) dbt_internal_test;

-- test.caremesh.unique_length_of_stay_encounter_id.37b2b7f910
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select
    encounter_id as unique_field,
    count(*) as n_records
from "awsdatacatalog"."dbt_build"."length_of_stay"
where encounter_id is not null
group by encounter_id
having count(*) > 1
    ) dbt_internal_test;

-- test.caremesh.unique_patient_summary_patient_id.4ba10e0d59
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select
    patient_id as unique_field,
    count(*) as n_records
from "awsdatacatalog"."dbt_build"."patient_summary"
where patient_id is not null
group by patient_id
having count(*) > 1
    ) dbt_internal_test;

-- test.caremesh.unique_payer_class_payer_name.a88cecbd35
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select
    payer_name as unique_field,
    count(*) as n_records
from "awsdatacatalog"."dbt_build_work"."payer_class"
where payer_name is not null
group by payer_name
having count(*) > 1
    ) dbt_internal_test;

-- test.caremesh.unique_readmission_30d_acute_stay_id.e021a12030
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select
    stay_id as unique_field,
    count(*) as n_records
from "awsdatacatalog"."dbt_build"."readmission_30d_acute"
where stay_id is not null
group by stay_id
having count(*) > 1
    ) dbt_internal_test;

-- test.caremesh.unique_readmission_30d_stay_id.ee69bb0c08
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select
    stay_id as unique_field,
    count(*) as n_records
from "awsdatacatalog"."dbt_build"."readmission_30d"
where stay_id is not null
group by stay_id
having count(*) > 1
    ) dbt_internal_test;

-- test.caremesh.unique_stg_encounter_encounter_id.8f18ea3e0b
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select
    encounter_id as unique_field,
    count(*) as n_records
from "awsdatacatalog"."dbt_build_work"."stg_encounter"
where encounter_id is not null
group by encounter_id
having count(*) > 1
    ) dbt_internal_test;

-- test.caremesh.unique_together_encounter_setting_type_system__type_code.a2350f2371
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select type_system, type_code, count(*) as times
from "awsdatacatalog"."dbt_build_work"."encounter_setting"
group by type_system, type_code
having count(*) > 1
    ) dbt_internal_test;

-- test.caremesh.unique_together_encounter_stay_stay_kind__encounter_id.6ae24d09c5
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select stay_kind, encounter_id, count(*) as times
from "awsdatacatalog"."dbt_build_work"."encounter_stay"
group by stay_kind, encounter_id
having count(*) > 1
    ) dbt_internal_test;

-- test.caremesh.unique_together_payer_mix_monthly_source_id__billing_month__payer_name.d18965919a
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select source_id, billing_month, payer_name, count(*) as times
from "awsdatacatalog"."dbt_build"."payer_mix_monthly"
group by source_id, billing_month, payer_name
having count(*) > 1
    ) dbt_internal_test;

-- test.caremesh.unique_together_stay_readmission_stay_kind__stay_id.dc72a5cc68
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select stay_kind, stay_id, count(*) as times
from "awsdatacatalog"."dbt_build_work"."stay_readmission"
group by stay_kind, stay_id
having count(*) > 1
    ) dbt_internal_test;

-- test.caremesh.unique_together_stay_stay_kind__stay_id.67b0162d50
select
      count(*) as failures,
      count(*) != 0 as should_warn,
      count(*) != 0 as should_error
    from (
select stay_kind, stay_id, count(*) as times
from "awsdatacatalog"."dbt_build_work"."stay"
group by stay_kind, stay_id
having count(*) > 1
    ) dbt_internal_test;
