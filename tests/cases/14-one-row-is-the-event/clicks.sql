select 'click' as event, session as "user", time, item
from read_csv(
    'noheader.dat',
    header = false,
    columns = {'session': 'bigint', 'time': 'timestamptz', 'item': 'varchar', 'category': 'varchar'}
)
order by time, session, item;
