{#- A model's schema is used as it stands, so that `curated.length_of_stay` has the same name on every target. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
