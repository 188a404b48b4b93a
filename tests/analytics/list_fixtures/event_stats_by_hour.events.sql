SELECT name, sum(done) AS total, groupArray((bucket, done)) AS points
FROM
(
    SELECT seen.name AS name, if(toUnixTimestamp64Milli(seen.created_at) < {v1:Array(Int64)}[1], 0, indexOf({v1:Array(Int64)}, roundDown(toUnixTimestamp64Milli(seen.created_at), {v1:Array(Int64)}))) AS bucket, count() AS done
FROM events AS seen
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v2:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v3:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v4:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v5:Int64}, 'UTC')
    AND seen.name IN {v0:Array(String)}
    GROUP BY name, bucket
)
GROUP BY name
ORDER BY total DESC, name
LIMIT {v6:UInt32};
