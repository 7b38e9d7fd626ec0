{#-
  Refuses `--full-refresh` where it would take a table away from its readers.
  Why only on Athena: DuckDB's tables are built aside, and nobody reads them there.
-#}
{% macro refuse_full_refresh() -%}
    {{ adapter.dispatch('refuse_full_refresh', 'caremesh')() }}
{%- endmacro %}

{% macro default__refuse_full_refresh() -%}{%- endmacro %}

{% macro athena__refuse_full_refresh() -%}
    {%- if execute and flags.FULL_REFRESH -%}
        {{ exceptions.raise_compiler_error("--full-refresh drops each table while it is read; leave it out") }}
    {%- endif -%}
{%- endmacro %}
