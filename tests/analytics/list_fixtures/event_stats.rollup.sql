SELECT name, sum(done) AS total, groupArray((bucket, done)) AS points
FROM
(
    SELECT name, indexOf({v0:Array(UInt16)}, roundDown(toUInt16(day), {v0:Array(UInt16)})) AS bucket, sum(r_day.events) AS done
    FROM r_day
    WHERE project_id = {project:String} AND day >= {v1:Date} AND day < {v2:Date} AND name NOT IN ('session_start', 'session_end')
    GROUP BY name, bucket
)
GROUP BY name
ORDER BY total DESC, name
LIMIT {v3:UInt32};
