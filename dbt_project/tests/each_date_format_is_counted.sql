-- Each date format is counted: of the texts written in it every one was read as the date that writes back to it, or
-- refused with an issue. None was read by another format, none was lost.
with

formats as (
    {{ dates_by_format() }}
)

select * from formats
where texts <> dates_read + dates_refused
