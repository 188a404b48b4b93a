SELECT count()
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
    AND seen.name NOT IN {f0:Array(String)}
    AND seen.properties[{f1_key:String}] = ''
    AND toDate(seen.created_at) >= {v0:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v2:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v3:Int64}, 'UTC')
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
    AND NOT arrayExists(given -> positionCaseInsensitiveUTF8(seen.path, given) > 0, {v5:Array(String)})
    AND arrayExists(each -> arrayExists(given -> startsWith(each, given), {v5:Array(String)}), arrayMap(pair -> pair.2, arrayFilter(pair -> match(pair.1, {v6:String}), arrayZip(mapKeys(seen.properties), mapValues(seen.properties)))))
    AND NOT (if(known.target = 0, seen.person, known.target) GLOBAL IN
(
SELECT DISTINCT if(known.target = 0, seen.person, known.target) AS person
FROM
(
    SELECT DISTINCT each.person AS person, each.profile_id AS profile_id
    FROM events AS each
    WHERE each.project_id = {project:String} AND each.person != 0
) AS seen
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
) AS named ON if(known.target = 0, seen.person, known.target) = named.person
GLOBAL ANY LEFT JOIN
(
    SELECT
        profile_id,
        properties[{v7:String}] AS property_7
    FROM profiles FINAL
    WHERE project_id = {project:String} AND deleted = 0
) AS profile ON if(named.profile_id = '', seen.profile_id, named.profile_id) = profile.profile_id
WHERE ((profile.property_7 IN {v5:Array(String)}))
));
