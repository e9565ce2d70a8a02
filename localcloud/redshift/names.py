"""Functions and types of PostgreSQL that Redshift lacks, each with what to write instead.

Sources: https://docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-functions.html,
.../c_unsupported-postgresql-datatypes.html, .../c_SQL_functions_leader_node_only.html, .../json-functions.html.
"""

_JSON = "keep JSON as text and read it with json_extract_path_text, or as SUPER with json_parse"
_SPLIT = "use split_to_array, or split_part with a join on a table of numbers"
_SET = "join with a table that holds the rows"
_LOCK = "Redshift has no advisory locks: hold the claim in PostgreSQL"
_CLOCK = "use getdate() or sysdate"
_REGEXP = "use regexp_substr, regexp_instr or regexp_count"
_STATISTICS = "compute it from sum and count"
_SEQUENCE = "use an IDENTITY column, or assign the numbers before loading"
_TEXT_SEARCH = "Redshift has no full text search: use ilike or regexp_instr"

FUNCTIONS = {
    "array_agg": "use listagg(...) within group (order by ...)",
    "bit_length": "use 8 * octet_length(...)",
    "cardinality": "Redshift has no arrays: keep rows, or SUPER with get_array_length",
    "clock_timestamp": _CLOCK,
    "convert_from": "load the text as UTF-8",
    "convert_to": "load the text as UTF-8",
    "corr": _STATISTICS,
    "covar_pop": _STATISTICS,
    "covar_samp": _STATISTICS,
    "currval": _SEQUENCE,
    "date_bin": "use date_trunc",
    "div": "divide integers with /",
    "encode": "use to_hex, or md5 and sha2 for digests",
    "every": "use bool_and",
    "format": "join the parts with ||",
    "gen_random_uuid": "make the id before loading, or take md5 of the key",
    "generate_series": "join with a table of numbers or dates, or write a recursive common table expression",
    "generate_subscripts": _SET,
    "json_agg": "use listagg(...) within group (order by ...)",
    "json_object_agg": "use listagg(...) within group (order by ...)",
    "jsonb_agg": "use listagg(...) within group (order by ...)",
    "justify_days": "use datediff",
    "justify_hours": "use datediff",
    "justify_interval": "use datediff",
    "lastval": _SEQUENCE,
    "make_date": "use to_date(...)",
    "make_interval": "use dateadd",
    "make_timestamp": "use to_timestamp(...)",
    "mode": "rank the counted values with row_number()",
    "nextval": _SEQUENCE,
    "num_nonnulls": "add up case expressions",
    "num_nulls": "add up case expressions",
    "overlay": "use substring and ||",
    "pg_sleep": "wait in the client",
    "query_to_xml": "run the query by itself",
    "quote_nullable": "use quote_literal with nvl",
    "regexp_like": "use ~, or regexp_instr(...) > 0",
    "regexp_match": _REGEXP,
    "regexp_matches": _REGEXP,
    "regexp_split_to_array": _SPLIT,
    "regexp_split_to_table": _SPLIT,
    "row_to_json": _JSON,
    "setseed": "Redshift's random numbers take `set seed to ...`",
    "setval": _SEQUENCE,
    "statement_timestamp": _CLOCK,
    "string_agg": "use listagg(...) within group (order by ...)",
    "string_to_array": _SPLIT,
    "string_to_table": _SPLIT,
    "timeofday": _CLOCK,
    "to_json": _JSON,
    "to_jsonb": _JSON,
    "to_tsquery": _TEXT_SEARCH,
    "to_tsvector": _TEXT_SEARCH,
    "transaction_timestamp": _CLOCK,
    "unnest": _SET,
    "width_bucket": "use case or floor",
    "xpath": "keep XML as text",
}

# Families of functions, by how their names begin.
FUNCTION_PREFIXES = {
    "array_": "Redshift has no arrays: keep rows, or SUPER",
    "json_": _JSON,
    "jsonb_": _JSON,
    "pg_advisory_": _LOCK,
    "pg_try_advisory_": _LOCK,
    "regr_": _STATISTICS,
    "xml": "keep XML as text",
}

# What Redshift has although its name begins like one of a family.
SUPPORTED_FUNCTIONS = {
    "array_concat",
    "array_contains",
    "array_distinct",
    "array_except",
    "array_flatten",
    "array_intersection",
    "array_position",
    "array_positions",
    "array_sort",
    "array_union",
    "json_array_length",
    "json_extract_array_element_text",
    "json_extract_path_text",
    "json_parse",
    "json_serialize",
    "json_serialize_to_varbyte",
    "json_size",
    "json_typeof",
}

TYPES = {
    "bigserial": "use bigint identity(1, 1)",
    "bit": "use varbyte or boolean",
    "box": "use geometry",
    "bytea": "use varbyte",
    "cidr": "use varchar",
    "circle": "use geometry",
    "hstore": "use super",
    "inet": "use varchar",
    "int4range": "use two columns",
    "int8range": "use two columns",
    "json": "use super, or varchar",
    "jsonb": "use super, or varchar",
    "line": "use geometry",
    "lseg": "use geometry",
    "macaddr": "use varchar",
    "money": "use numeric(18, 4)",
    "numrange": "use two columns",
    "path": "use geometry",
    "point": "use geometry",
    "polygon": "use geometry",
    "serial": "use integer identity(1, 1)",
    "smallserial": "use smallint identity(1, 1)",
    "tsquery": "use varchar",
    "tsrange": "use two columns",
    "tsvector": "use varchar",
    "uuid": "use varchar(36)",
    "xml": "use varchar",
}

# They run on the leader node only: a statement that reads a table cannot call them.
LEADER_NODE_FUNCTIONS = {
    "age": "use datediff",
    "current_time": _CLOCK,
    "current_timestamp": _CLOCK,
    "isfinite": "compare with the dates you accept",
    "localtime": _CLOCK,
    "localtimestamp": _CLOCK,
    "now": _CLOCK,
}

# Names that Redshift reserves and PostgreSQL does not: https://docs.aws.amazon.com/redshift/latest/dg/r_pg_keywords.html
RESERVED_WORDS = {
    "aes128", "aes256", "allowoverwrite", "backup", "blanksasnull", "bytedict", "bzip2", "credentials",
    "current_user_id", "deflate", "defrag", "delta", "delta32k", "disable", "emptyasnull", "enable", "encode",
    "encrypt", "encryption", "explicit", "globaldict256", "globaldict64k", "gzip", "identity", "ignore", "lun",
    "luns", "lzo", "lzop", "minus", "mostly16", "mostly32", "mostly8", "nulls", "offline", "oid", "old", "open",
    "parallel", "partition", "percent", "permissions", "pivot", "raw", "readratio", "recover", "rejectlog",
    "resort", "respect", "restore", "snapshot", "sysdate", "system", "tag", "tdes", "text255", "text32k", "top",
    "truncatecolumns", "unpivot", "wallet", "without",
}  # fmt: skip

# Aggregates that are window functions too; with an ORDER BY in their window they need a frame.
# https://docs.aws.amazon.com/redshift/latest/dg/c_Window_functions.html
FRAMED_FUNCTIONS = {
    "any_value",
    "avg",
    "bool_and",
    "bool_or",
    "count",
    "first_value",
    "last_value",
    "max",
    "min",
    "nth_value",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "sum",
    "var_pop",
    "var_samp",
    "variance",
}
