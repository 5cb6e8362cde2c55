create view log as
from read_csv('aol.tsv', delim = '\t', quote = '', header = true);

with events as (
    select distinct 'search' as event, AnonID as "user", QueryTime as time, Query as query
    from log
    union all by name
    select 'click' as event, AnonID as "user", QueryTime as time, ClickURL as item, ItemRank as position
    from log
    where ClickURL is not null
)
select * replace (time at time zone 'UTC' as time)
from events
order by time, "user", event = 'click', position;
