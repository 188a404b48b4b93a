SELECT part, texts, numbers
FROM
(
    SELECT
        multiIf(
            grouping(minute) = 0, 'minute',
            grouping(row_0) = 0, 'point 0',
            grouping(row_1) = 0, 'point 1',
            grouping(row_2) = 0, 'point 2',
            grouping(page) = 0, 'path',
            grouping(town) = 0, 'city',
            grouping(land) = 0, 'country',
            'all') AS part,
        if(startsWith(part, 'point'),
            [if(uniqExact(at_land) = 1, any(at_land), ''), '', if(uniqExact(at_town) = 1, any(at_town), ''), '', ''],
            [land, area, town, site, page]) AS texts,
        arrayMap(number -> toFloat64(number), [
            toFloat64(minute),
            uniqExactIf(who, who != 0),
            uniqExactIf(who, who != 0 AND at >= fromUnixTimestamp64Milli({v3:Int64}, 'UTC')),
            uniqExactIf(visited, visited != 0),
            countIf(is_view),
            uniqExactIf(who, who != 0 AND is_view),
            avg(latitude),
            avg(longitude)]) AS numbers,
        part = 'path' AND numbers[5] = 0 OR startsWith(part, 'point') AND countIf(is_located) = 0 AS is_nothing
    FROM
    (
        SELECT
            if(known.target = 0, seen.person, known.target) AS who,
            seen.session_id AS visited,
            seen.created_at AS at,
            indexOf({v4:Array(Int64)}, roundDown(toUnixTimestamp64Milli(seen.created_at), {v4:Array(Int64)})) AS minute,
            seen.name = 'screen_view' AND seen.path != '' AS is_view,
            if(is_view, toString(seen.origin), '') AS site,
            if(is_view, seen.path, '') AS page,
            toString(seen.country) AS land,
            toString(seen.region) AS area,
            seen.city AS town,
            land AS at_land,
            town AS at_town,
            seen.latitude AS latitude,
            seen.longitude AS longitude,
            seen.latitude != 0 OR seen.longitude != 0 AS is_located,
            toInt32(floor(seen.latitude / 0.1)) AS row_0, toInt32(floor(seen.longitude / 0.1)) AS column_0,
            toInt32(floor(seen.latitude / 1.0)) AS row_1, toInt32(floor(seen.longitude / 1.0)) AS column_1,
            toInt32(floor(seen.latitude / 10.0)) AS row_2, toInt32(floor(seen.longitude / 10.0)) AS column_2
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
    AND toDate(seen.created_at) >= {v0:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v0:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v2:Int64}, 'UTC')
    AND seen.name NOT IN ('session_start', 'session_end')
    )
    GROUP BY GROUPING SETS ((minute), (site, page), (land), (land, area, town), (row_0, column_0), (row_1, column_1), (row_2, column_2), ())
    HAVING NOT is_nothing
    ORDER BY part, numbers[2] DESC, numbers[4] DESC, texts, numbers[1]
    LIMIT {v5:UInt32} BY part
    UNION ALL
    SELECT
        'referrer' AS part,
        [toString(visit.referrer_name), toString(visit.referrer_type)] AS texts,
        [toFloat64(uniqExact(if(known.target = 0, visit.person, known.target))), toFloat64(count())] AS numbers,
        0 AS is_nothing
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
        AND visit.session_started_at >= fromUnixTimestamp64Milli({v7:Int64}, 'UTC')
        AND visit.session_started_at < fromUnixTimestamp64Milli({v8:Int64}, 'UTC')
        AND visit.session_id GLOBAL IN
        (
SELECT seen.session_id
FROM events AS seen
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v0:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v0:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v2:Int64}, 'UTC')
    AND seen.name NOT IN ('session_start', 'session_end')
    AND seen.session_id != 0
        )
    GROUP BY texts
    ORDER BY numbers[1] DESC, numbers[2] DESC, texts
    LIMIT {v6:UInt32}
    UNION ALL
    SELECT
        'session' AS part,
        [
            toString(visit.session_id), toString(if(known.target = 0, visit.person, known.target)), visit.profile_id, visit.entry_path, visit.exit_path,
            visit.referrer_name, visit.country, visit.city, visit.os, visit.browser, visit.device] AS texts,
        [
            toFloat64(toUnixTimestamp64Milli(visit.session_started_at)),
            toFloat64(toUnixTimestamp64Milli(visit.last_at)),
            toFloat64(visit.views),
            toFloat64(visit.events)] AS numbers,
        0 AS is_nothing
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
        AND visit.session_started_at >= fromUnixTimestamp64Milli({v7:Int64}, 'UTC')
        AND visit.session_started_at < fromUnixTimestamp64Milli({v8:Int64}, 'UTC')
        AND visit.session_id GLOBAL IN
        (
SELECT seen.session_id
FROM events AS seen
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v0:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v0:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v2:Int64}, 'UTC')
    AND seen.name NOT IN ('session_start', 'session_end')
    AND seen.session_id != 0
        )
    ORDER BY visit.last_at DESC, visit.session_id
    LIMIT {v6:UInt32}
);
