select
    'search' as event,
    parts.host as "user",
    strptime(parts.at, '%d/%b/%Y:%H:%M:%S %z') as time,
    url_decode(replace(regexp_extract(parts.path, '[?&]q=([^&]*)', 1), '+', ' ')) as query
from (
    select regexp_extract(line, '^(\S+) \S+ \S+ \[([^]]+)\] "\S+ (\S+)', ['host', 'at', 'path']) as parts
    from read_csv('access.log', delim = '\1', quote = '', header = false, columns = {'line': 'varchar'})
)
where parts.path like '/search?%'
order by time, "user";
