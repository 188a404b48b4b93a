SELECT
    toDate(seen.created_at, {v1:String}) AS active_on,
    count() AS done,
    uniqExactIf(if(known.target = 0, seen.person, known.target), if(known.target = 0, seen.person, known.target) != 0) AS members
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
    AND toDate(seen.created_at) >= {v2:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v3:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v4:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v5:Int64}, 'UTC')
    AND seen.name NOT IN ('session_start', 'session_end')
    AND has(seen.groups, {v0:String})
GROUP BY active_on
ORDER BY active_on DESC
LIMIT {v6:UInt32};
