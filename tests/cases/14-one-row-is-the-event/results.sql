select 'results' as event, "user", time, items
from read_csv(
    'noheader.tsv',
    delim = '\t',
    quote = '',
    header = false,
    columns = {'user': 'varchar', 'time': 'timestamptz', 'items': 'varchar'}
);
