"""Files of nested feeds: split into parts that Spark flattens, and the tables it makes of them landed."""
