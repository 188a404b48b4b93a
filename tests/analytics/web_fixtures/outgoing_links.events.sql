SELECT
    seen.properties['href'] AS href,
    argMax(seen.properties['text'], (seen.created_at, seen.event_id)) AS text,
    count() AS times,
    uniqExactIf(if(known.target = 0, seen.person, known.target), if(known.target = 0, seen.person, known.target) != 0) AS visitors,
    uniqExactIf(seen.session_id, seen.session_id != 0) AS sessions
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
    AND seen.name = 'link_out'
    AND seen.properties['href'] != ''
    AND (seen.session_id != 0 AND seen.session_started_at >= fromUnixTimestamp64Milli({v0:Int64}, 'UTC') AND seen.session_started_at < fromUnixTimestamp64Milli({v1:Int64}, 'UTC') OR seen.session_id = 0 AND seen.created_at >= fromUnixTimestamp64Milli({v0:Int64}, 'UTC') AND seen.created_at < fromUnixTimestamp64Milli({v1:Int64}, 'UTC'))
GROUP BY href
ORDER BY times DESC, href
LIMIT {v6:UInt32};
