SELECT day, count() AS persons
FROM
(
    SELECT arrayJoin(arrayDistinct(arrayFlatten(groupArray(range(bucket, bucket + {v7:UInt16}))))) AS day
    FROM
    (
SELECT if(known.target = 0, seen.person, known.target) AS person, if(toUnixTimestamp64Milli(seen.created_at) < {v2:Array(Int64)}[1], 0, indexOf({v2:Array(Int64)}, roundDown(toUnixTimestamp64Milli(seen.created_at), {v2:Array(Int64)}))) AS bucket
FROM events AS seen
GLOBAL ANY LEFT JOIN
(
    SELECT hop.person AS person, if(onward.target = 0, hop.target, onward.target) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS target
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS hop
    GLOBAL ANY LEFT JOIN
    (
        SELECT person, argMax(person_overrides.into, version) AS target
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS onward ON hop.target = onward.person
) AS known ON seen.person = known.person
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v3:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v4:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v5:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v6:Int64}, 'UTC')
    AND seen.name = {v0:String} AND NOT (seen.country IN {v1:Array(String)})
    AND if(known.target = 0, seen.person, known.target) != 0
GROUP BY person, bucket
    )
    GROUP BY person
)
WHERE day >= {v7:UInt16} AND day <= {v8:UInt16}
GROUP BY day
ORDER BY day;
