select count(*) from read_ndjson_objects(getvariable('input'))
