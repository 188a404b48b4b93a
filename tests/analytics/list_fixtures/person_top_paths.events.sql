SELECT seen.origin AS origin, seen.path AS path, count() AS views
FROM events AS seen
WHERE seen.project_id = {project:String}
    AND seen.name NOT IN ('session_start', 'session_end')
    AND seen.person != 0
    AND seen.person GLOBAL IN
    (
        WITH
            known AS
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
            ),
            wanted AS
            (
                SELECT if(known.target = 0, given.person, known.target) AS person
                FROM (SELECT arrayJoin({v4:Array(UInt64)}) AS person) AS given
                GLOBAL ANY LEFT JOIN known ON given.person = known.person
            )
        SELECT person FROM known WHERE target GLOBAL IN (SELECT person FROM wanted)
        UNION ALL
        SELECT person FROM wanted WHERE person GLOBAL NOT IN (SELECT person FROM known)
    )
    AND toDate(seen.created_at) >= {v0:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v2:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v3:Int64}, 'UTC')
    AND seen.name = 'screen_view'
    AND seen.path != ''
GROUP BY origin, path
ORDER BY views DESC, origin, path
LIMIT {v5:UInt32};
