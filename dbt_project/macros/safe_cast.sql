{#-
  A value of a unit test as its column's type. Only dbt's unit tests call this.
  Why not dbt-athena's try_cast: Trino takes no "T" in a timestamp, and the value would be null without a word.
-#}
{% macro athena__safe_cast(field, type) -%}
    cast({{ field }} as {{ type }})
{%- endmacro %}
