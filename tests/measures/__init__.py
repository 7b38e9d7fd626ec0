"""The curated measures, checked against outcomes written by hand and against plain Python over raw FHIR."""
