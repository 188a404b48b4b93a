SELECT
    place.of_country, place.of_region, place.of_city, place.visitors, place.sessions, place.shown,
    located.events, located.latitude, located.longitude
FROM
(
    SELECT
        toString(visit.country) AS of_country,
        toString(visit.region) AS of_region,
        visit.city AS of_city,
        uniqExact(if(known.target = 0, visit.person, known.target)) AS visitors,
        count() AS sessions,
        sum(seen.matching) AS shown
    FROM sessions AS visit FINAL
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
) AS known ON visit.person = known.person
GLOBAL ANY INNER JOIN
(
    SELECT session_id, count() AS matching
    FROM events AS seen
    WHERE project_id = {project:String}
        AND session_id != 0
        AND session_started_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
        AND session_started_at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
        AND toDate(created_at) >= {scan_first:Date}
        AND toDate(created_at) <= {scan_last:Date}
        AND created_at >= fromUnixTimestamp64Milli({scan_from:Int64}, 'UTC')
        AND created_at < fromUnixTimestamp64Milli({scan_until:Int64}, 'UTC')
        AND name = 'screen_view'
        AND path != ''
        AND NOT (seen.path IN {v0:Array(String)})
        AND NOT arrayExists(given -> positionCaseInsensitiveUTF8(seen.title, given) > 0, {v0:Array(String)})
    GROUP BY session_id
) AS seen ON visit.session_id = seen.session_id
WHERE visit.project_id = {project:String}
    AND visit.session_started_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
    AND visit.session_started_at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
    AND visit.views + visit.events > 0
    AND visit.session_id GLOBAL IN
(
SELECT seen.session_id
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
GLOBAL ANY LEFT JOIN
(
    SELECT
        visit.session_id AS session_id,
        visit.entry_path AS entry_path
    FROM sessions AS visit FINAL
    WHERE visit.project_id = {project:String}
        AND visit.session_started_at >= fromUnixTimestamp64Milli({v7:Int64}, 'UTC')
        AND visit.session_started_at < fromUnixTimestamp64Milli({v8:Int64}, 'UTC')
) AS visit ON seen.session_id = visit.session_id
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
        properties[{v4:String}] AS property_4
    FROM profiles FINAL
    WHERE project_id = {project:String} AND deleted = 0
) AS profile ON if(named.profile_id = '', seen.profile_id, named.profile_id) = profile.profile_id
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v9:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v10:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v11:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v12:Int64}, 'UTC')
    AND seen.session_id != 0
    AND seen.session_started_at >= fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
    AND seen.session_started_at < fromUnixTimestamp64Milli({v2:Int64}, 'UTC')
    AND seen.name NOT IN ('session_start', 'session_end')
    AND NOT (seen.properties[{v3:String}] IN {v0:Array(String)})
    AND NOT (visit.entry_path IN {v0:Array(String)})
    AND NOT (profile.property_4 IN {v0:Array(String)})
    AND NOT (if(known.target = 0, seen.person, known.target) GLOBAL IN
(
SELECT person
FROM
(
SELECT 0 AS rule, person FROM
(
SELECT if(known.target = 0, seen.person, known.target) AS person
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
    AND toDate(seen.created_at) <= {v5:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v2:Int64}, 'UTC')
    AND seen.name = {v3:String}
    AND if(known.target = 0, seen.person, known.target) != 0
GROUP BY person
HAVING count() >= {v6:UInt32}
)
)
GROUP BY person
HAVING count() >= 1
))
)
    GROUP BY of_country, of_region, of_city
    ORDER BY visitors DESC, sessions DESC, of_country, of_region, of_city
    LIMIT {v13:UInt32}
) AS place
GLOBAL ANY LEFT JOIN
(
    SELECT
        toString(seen.country) AS of_country,
        toString(seen.region) AS of_region,
        seen.city AS of_city,
        count() AS events,
        toFloat64(quantileExactLow(0.5)(seen.latitude)) AS latitude,
        toFloat64(quantileExactLow(0.5)(seen.longitude)) AS longitude
    FROM events AS seen
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v9:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v10:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v11:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v12:Int64}, 'UTC')
    AND seen.name IN ('session_start', 'screen_view') AND (seen.latitude != 0 OR seen.longitude != 0)
    AND seen.session_id != 0
    AND seen.session_started_at >= fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
    AND seen.session_started_at < fromUnixTimestamp64Milli({v2:Int64}, 'UTC')
    AND seen.session_id GLOBAL IN
(
SELECT visit.session_id
FROM sessions AS visit FINAL
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
) AS known ON visit.person = known.person
GLOBAL ANY INNER JOIN
(
    SELECT session_id, count() AS matching
    FROM events AS seen
    WHERE project_id = {project:String}
        AND session_id != 0
        AND session_started_at >= fromUnixTimestamp64Milli({in_start:Int64}, 'UTC')
        AND session_started_at < fromUnixTimestamp64Milli({in_until:Int64}, 'UTC')
        AND toDate(created_at) >= {in_scan_first:Date}
        AND toDate(created_at) <= {in_scan_last:Date}
        AND created_at >= fromUnixTimestamp64Milli({in_scan_from:Int64}, 'UTC')
        AND created_at < fromUnixTimestamp64Milli({in_scan_until:Int64}, 'UTC')
        AND name = 'screen_view'
        AND path != ''
        AND NOT (seen.path IN {v0:Array(String)})
        AND NOT arrayExists(given -> positionCaseInsensitiveUTF8(seen.title, given) > 0, {v0:Array(String)})
    GROUP BY session_id
) AS seen ON visit.session_id = seen.session_id
WHERE visit.project_id = {project:String}
    AND visit.session_started_at >= fromUnixTimestamp64Milli({in_start:Int64}, 'UTC')
    AND visit.session_started_at < fromUnixTimestamp64Milli({in_until:Int64}, 'UTC')
    AND visit.views + visit.events > 0
    AND visit.session_id GLOBAL IN
(
SELECT seen.session_id
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
GLOBAL ANY LEFT JOIN
(
    SELECT
        visit.session_id AS session_id,
        visit.entry_path AS entry_path
    FROM sessions AS visit FINAL
    WHERE visit.project_id = {project:String}
        AND visit.session_started_at >= fromUnixTimestamp64Milli({v7:Int64}, 'UTC')
        AND visit.session_started_at < fromUnixTimestamp64Milli({v8:Int64}, 'UTC')
) AS visit ON seen.session_id = visit.session_id
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
        properties[{v4:String}] AS property_4
    FROM profiles FINAL
    WHERE project_id = {project:String} AND deleted = 0
) AS profile ON if(named.profile_id = '', seen.profile_id, named.profile_id) = profile.profile_id
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v9:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v10:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v11:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v12:Int64}, 'UTC')
    AND seen.session_id != 0
    AND seen.session_started_at >= fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
    AND seen.session_started_at < fromUnixTimestamp64Milli({v2:Int64}, 'UTC')
    AND seen.name NOT IN ('session_start', 'session_end')
    AND NOT (seen.properties[{v3:String}] IN {v0:Array(String)})
    AND NOT (visit.entry_path IN {v0:Array(String)})
    AND NOT (profile.property_4 IN {v0:Array(String)})
    AND NOT (if(known.target = 0, seen.person, known.target) GLOBAL IN
(
SELECT person
FROM
(
SELECT 0 AS rule, person FROM
(
SELECT if(known.target = 0, seen.person, known.target) AS person
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
    AND toDate(seen.created_at) <= {v5:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v2:Int64}, 'UTC')
    AND seen.name = {v3:String}
    AND if(known.target = 0, seen.person, known.target) != 0
GROUP BY person
HAVING count() >= {v6:UInt32}
)
)
GROUP BY person
HAVING count() >= 1
))
)
)
    GROUP BY of_country, of_region, of_city
) AS located
ON place.of_country = located.of_country AND place.of_region = located.of_region AND place.of_city = located.of_city
ORDER BY place.visitors DESC, place.sessions DESC, place.of_country, place.of_region, place.of_city;
