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
    AND toDate(seen.created_at) >= {v3:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v4:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v5:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v6:Int64}, 'UTC')
    AND seen.name = 'screen_view' AND seen.path != ''
    AND if(known.target = 0, seen.person, known.target) != 0
    AND seen.session_id != 0
    AND seen.session_started_at >= fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
    AND seen.session_started_at < fromUnixTimestamp64Milli({v2:Int64}, 'UTC')
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
    AND toDate(seen.created_at) >= {v3:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v4:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v8:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v9:Int64}, 'UTC')
    AND seen.name IN {v7:Array(String)}
    AND if(known.target = 0, seen.person, known.target) != 0
        GROUP BY person
    ) AS done ON viewed.person = done.person
)
GROUP BY site, page
ORDER BY converted DESC, visitors DESC, page, site
LIMIT {v10:UInt32};
