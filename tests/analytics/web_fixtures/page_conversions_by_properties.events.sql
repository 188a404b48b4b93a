SELECT site, page, count() AS visitors, countIf(followed > 0) AS converted, sum(followed) AS conversions
FROM
(
    SELECT
        viewed.site AS site,
        viewed.page AS page,
        arrayCount(
            at -> arrayExists(view -> view < at AND at - view <= {v0:Int64}, viewed.times),
            done.times) AS followed
    FROM
    (
        SELECT
            if(known.target = 0, seen.person, known.target) AS person,
            toString(seen.origin) AS site,
            seen.path AS page,
            groupUniqArray(toUnixTimestamp64Milli(seen.created_at)) AS times
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
    AND toDate(seen.created_at) >= {v10:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v11:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v12:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v13:Int64}, 'UTC')
    AND seen.name = 'screen_view' AND seen.path != ''
    AND NOT (seen.path IN {v1:Array(String)})
    AND NOT arrayExists(given -> positionCaseInsensitiveUTF8(seen.title, given) > 0, {v1:Array(String)})
    AND if(known.target = 0, seen.person, known.target) != 0
    AND seen.session_id != 0
    AND seen.session_started_at >= fromUnixTimestamp64Milli({v2:Int64}, 'UTC')
    AND seen.session_started_at < fromUnixTimestamp64Milli({v3:Int64}, 'UTC')
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
        AND visit.session_started_at >= fromUnixTimestamp64Milli({v8:Int64}, 'UTC')
        AND visit.session_started_at < fromUnixTimestamp64Milli({v9:Int64}, 'UTC')
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
        properties[{v5:String}] AS property_5
    FROM profiles FINAL
    WHERE project_id = {project:String} AND deleted = 0
) AS profile ON if(named.profile_id = '', seen.profile_id, named.profile_id) = profile.profile_id
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v10:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v11:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v12:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v13:Int64}, 'UTC')
    AND seen.session_id != 0
    AND seen.session_started_at >= fromUnixTimestamp64Milli({v2:Int64}, 'UTC')
    AND seen.session_started_at < fromUnixTimestamp64Milli({v3:Int64}, 'UTC')
    AND seen.name NOT IN ('session_start', 'session_end')
    AND NOT (seen.properties[{v4:String}] IN {v1:Array(String)})
    AND NOT (visit.entry_path IN {v1:Array(String)})
    AND NOT (profile.property_5 IN {v1:Array(String)})
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
    AND toDate(seen.created_at) <= {v6:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v3:Int64}, 'UTC')
    AND seen.name = {v4:String}
    AND if(known.target = 0, seen.person, known.target) != 0
GROUP BY person
HAVING count() >= {v7:UInt32}
)
)
GROUP BY person
HAVING count() >= 1
))
)
)
        GROUP BY person, site, page
    ) AS viewed
    GLOBAL ANY LEFT JOIN
    (
        SELECT if(known.target = 0, seen.person, known.target) AS person, groupArray(toUnixTimestamp64Milli(seen.created_at)) AS times
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
    AND toDate(seen.created_at) >= {v10:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v11:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v14:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v15:Int64}, 'UTC')
    AND seen.name IN {v1:Array(String)}
    AND if(known.target = 0, seen.person, known.target) != 0
        GROUP BY person
    ) AS done ON viewed.person = done.person
)
GROUP BY site, page
ORDER BY converted DESC, visitors DESC, page, site
LIMIT {v16:UInt32};
