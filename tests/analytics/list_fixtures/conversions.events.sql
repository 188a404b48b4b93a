SELECT
    counted.1 AS is_named,
    counted.2 AS conversion,
    count() AS done,
    uniqExactIf(if(known.target = 0, seen.person, known.target), if(known.target = 0, seen.person, known.target) != 0) AS persons,
    uniqExactIf(seen.session_id, seen.session_id != 0) AS sessions,
    sum(seen.revenue) AS revenue
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
    AND toDate(seen.created_at) >= {v1:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v2:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v3:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v4:Int64}, 'UTC')
    AND seen.name NOT IN ('session_start', 'session_end')
GROUP BY arrayJoin(if(has({v0:Array(String)}, seen.name), [(0, ''), (1, CAST(seen.name, 'String'))], [(0, '')])) AS counted;
