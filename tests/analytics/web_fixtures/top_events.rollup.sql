SELECT
    toString(rolled.name) AS event,
    sum(rolled.events) AS times,
    uniqHLL12Merge(rolled.persons) AS visitors,
    uniqHLL12Merge(rolled.sessions) AS visits,
    sum(sum(rolled.events)) OVER () AS total
FROM r_day AS rolled
WHERE project_id = {project:String} AND day >= {v0:Date} AND day < {v1:Date} AND rolled.name NOT IN ('session_start', 'session_end', 'screen_view')
GROUP BY event
ORDER BY times DESC, event
LIMIT {v2:UInt32};
