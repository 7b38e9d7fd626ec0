{#-
  The first day of a date's month, as a date.
  Why the cast: date_trunc of a date is a timestamp on DuckDB and a date on Trino.
-#}
{% macro first_of_month(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}
