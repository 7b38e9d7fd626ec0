{#-
  A double as a decimal: the digits that the double is written with, rounded half up.
  Why through text: DuckDB scales the double first, so that 12345678901.23 would be 12345678901.230000128.
-#}
{% macro exact_decimal(number, precision=38, scale=9) -%}
    cast(cast({{ number }} as varchar) as decimal({{ precision }}, {{ scale }}))
{%- endmacro %}
