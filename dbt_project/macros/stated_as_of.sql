{#- The day that somebody gave as the variable as_of; null where nobody did. -#}
{% macro stated_as_of() %}
cast(nullif('{{ var("as_of") }}', '') as date)
{%- endmacro %}
