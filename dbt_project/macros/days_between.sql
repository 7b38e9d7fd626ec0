{#-
  Calendar days from one day to another.
  Why the casts: date_diff of timestamps counts midnights on DuckDB and full days on Trino.
-#}
{% macro days_between(earlier_date, later_date) -%}
    date_diff('day', cast({{ earlier_date }} as date), cast({{ later_date }} as date))
{%- endmacro %}
