SELECT
    toDate(seen.created_at, {v1:String}) AS active_on,
    count() AS done,
    uniqExactIf(if(known.target = 0, seen.person, known.target), if(known.target = 0, seen.person, known.target) != 0) AS members
FROM events AS seen
GLOBAL ANY LEFT JOIN
(
    WITH
        (
            SELECT (groupArray(person), groupArray(next))
            FROM
            (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
            AND person GLOBAL IN
            (
                SELECT person_overrides.into FROM person_overrides WHERE project_id = {project:String}
            )
        GROUP BY person
            )
        ) AS onward,
        arrayMap(
            start -> arrayFold(
                (way, hop) -> (
                    transform(way.1, onward.1, onward.2, way.1),
                    if(hop < 32, way.1, least(way.1, way.2))),
                range(2 * 32),
                (start, start)).2,
            onward.2) AS ends
    SELECT latest.person AS person, transform(latest.next, onward.1, ends, latest.next) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS latest
    WHERE latest.person != target
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
