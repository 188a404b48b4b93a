SELECT listed.person AS person, named.profile_id AS profile_id
FROM
(
SELECT DISTINCT person
FROM
(
SELECT person
FROM
(
SELECT DISTINCT if(known.target = 0, seen.person, known.target) AS person, [CAST(seen.path, 'String')] AS labels
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
    AND seen.name = {v0:String}
    AND (seen.properties[{v0:String}] IN {v1:Array(String)})
)
WHERE labels = {v6:Array(String)}
)
WHERE person > {v7:UInt64}
ORDER BY person
LIMIT {v8:UInt32}
) AS listed
GLOBAL ANY LEFT JOIN
(
    SELECT person, max((in_session, profile_id)).2 AS profile_id
    FROM
    (
        SELECT visit.person AS person, 1 AS in_session, visit.profile_id AS profile_id
        FROM sessions AS visit
        WHERE visit.project_id = {project:String} AND visit.profile_id != ''
        UNION ALL
        SELECT told.person AS person, 0 AS in_session, told.profile_id AS profile_id
        FROM profiles AS told FINAL
        WHERE told.project_id = {project:String} AND told.person != 0
    )
    GROUP BY person
) AS named ON listed.person = named.person
ORDER BY person;
