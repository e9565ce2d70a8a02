-- Every date that was read, written in one of the formats of its contract, is the text of the file again: nothing was
-- guessed, and no month was taken for a day.
with

dates as (
    {{ dates_with_their_texts() }}
)

select * from dates
where not is_one_of_the_formats
