{#-
  Birthdays passed between two dates.
  Why not date_diff('year', …): Trino counts full years, DuckDB counts New Year's Days.
-#}
{% macro full_years_between(birth_date, later_date) -%}
    year({{ later_date }}) - year({{ birth_date }})
    - case
        when
            month({{ later_date }}) * 100 + day({{ later_date }})
            < month({{ birth_date }}) * 100 + day({{ birth_date }})
            then 1
        else 0
    end
{%- endmacro %}
