SELECT place, total, site, page, last_title, visited, pageviews, average_ms, bounce_rate, amount
FROM
(
    SELECT
        *,
        count() OVER () AS total,
        row_number() OVER (ORDER BY average_ms ASC NULLS LAST, page, site) AS place
    FROM
    (
        SELECT
            toUInt64(view) AS number,
            countIf(nth = 1) AS visited,
            count() AS pageviews,
            countIf(next != 0) AS timed,
            sumIf(toInt64(bitShiftRight(next, 85)) - toInt64(bitShiftRight(view, 85)), next != 0) AS taken,
            if(timed = 0, NULL, taken / timed) AS average_ms,
            countIf(nth = 1 AND length(views) <= 1) / visited AS bounce_rate,
            sumIf(amount_of_session, nth = 1) AS amount
        FROM
        (
            SELECT
                seen.session_id AS session,
                arraySort(groupArrayIf(
                    bitOr(
                        bitShiftLeft(toUInt128(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(seen.created_at)), 21), bitAnd(seen.event_id, 2097151))), 64),
                        toUInt128(bitOr(bitShiftLeft(cityHash64(seen.origin, seen.path), 1), if(NOT (seen.path IN {v0:Array(String)}) AND NOT arrayExists(given -> positionCaseInsensitiveUTF8(seen.title, given) > 0, {v0:Array(String)}), 1, 0)))),
                    seen.name = 'screen_view')) AS views,
                sumIf(seen.revenue, seen.name = 'revenue') AS amount_of_session
            FROM events AS seen
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v9:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v10:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v11:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v12:Int64}, 'UTC')
    AND (seen.name = 'screen_view' AND seen.path != '' OR seen.name = 'revenue')
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
            GROUP BY session
        )
        ARRAY JOIN
            views AS view,
            arrayShiftLeft(views, 1) AS next,
            arrayEnumerateUniq(arrayMap(each -> toUInt64(each), views)) AS nth
        WHERE bitTest(number, 0)
        GROUP BY number
    ) AS figures
    INNER JOIN
    (
        SELECT
            bitOr(bitShiftLeft(cityHash64(seen.origin, seen.path), 1), 1) AS number,
            toString(seen.origin) AS site,
            seen.path AS page,
            substring(
                maxIf(concat(reinterpretAsFixedString(byteSwap(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(seen.created_at)), 21), bitAnd(seen.event_id, 2097151)))), seen.title), seen.title != ''),
                9) AS last_title
        FROM events AS seen
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v9:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v10:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v11:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v12:Int64}, 'UTC')
    AND seen.name = 'screen_view' AND seen.path != ''
    AND NOT (seen.path IN {v0:Array(String)})
    AND NOT arrayExists(given -> positionCaseInsensitiveUTF8(seen.title, given) > 0, {v0:Array(String)})
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
        GROUP BY seen.origin, seen.path
    ) AS names ON figures.number = names.number
        WHERE positionCaseInsensitiveUTF8(page, {v3:String}) > 0 OR positionCaseInsensitiveUTF8(last_title, {v3:String}) > 0
)
WHERE place = 1 OR (place > {v6:UInt32} AND place <= {v13:UInt32})
ORDER BY place;
