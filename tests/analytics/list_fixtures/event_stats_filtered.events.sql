SELECT name, sum(done) AS total, groupArray((bucket, done)) AS points
FROM
(
    SELECT seen.name AS name, if(toUnixTimestamp64Milli(seen.created_at) < {v3:Array(Int64)}[1], 0, indexOf({v3:Array(Int64)}, roundDown(toUnixTimestamp64Milli(seen.created_at), {v3:Array(Int64)}))) AS bucket, count() AS done
FROM events AS seen
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v4:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v5:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v6:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v7:Int64}, 'UTC')
    AND seen.name NOT IN ('session_start', 'session_end')
    AND (seen.properties[{v0:String}] IN {v1:Array(String)})
    AND NOT arrayExists(given -> positionCaseInsensitiveUTF8(seen.path, given) > 0, {v2:Array(String)})
    GROUP BY name, bucket
)
GROUP BY name
ORDER BY total DESC, name
LIMIT {v8:UInt32};
