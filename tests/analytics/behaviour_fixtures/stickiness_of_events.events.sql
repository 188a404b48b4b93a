SELECT active_in, count() AS persons
FROM
(
    SELECT count() AS active_in
    FROM
    (
SELECT if(known.target = 0, seen.person, known.target) AS person, if(toUnixTimestamp64Milli(seen.created_at) < {v2:Array(Int64)}[1], 0, indexOf({v2:Array(Int64)}, roundDown(toUnixTimestamp64Milli(seen.created_at), {v2:Array(Int64)}))) AS bucket
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
GROUP BY active_in
ORDER BY active_in;
