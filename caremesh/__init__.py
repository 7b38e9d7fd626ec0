"""CareMesh: from FHIR bulk exports to checked, versioned, governed data products."""
