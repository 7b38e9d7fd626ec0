"""Exports: asked of FHIR servers, followed until they are whole where the landing zone is, and resumed after a kill."""
