"""Clinical and billing code tables: plain data by subject, readable by a clinician."""
