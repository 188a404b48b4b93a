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
        sum(visit.views) AS shown
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
    AND visit.session_started_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
    AND visit.session_started_at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
    AND visit.views + visit.events > 0
    GROUP BY of_country, of_region, of_city
    ORDER BY visitors DESC, sessions DESC, of_country, of_region, of_city
    LIMIT {v6:UInt32}
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
    AND toDate(seen.created_at) >= {v2:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v3:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v4:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v5:Int64}, 'UTC')
    AND seen.name IN ('session_start', 'screen_view') AND (seen.latitude != 0 OR seen.longitude != 0)
    AND seen.session_id != 0
    AND seen.session_started_at >= fromUnixTimestamp64Milli({v0:Int64}, 'UTC')
    AND seen.session_started_at < fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
    GROUP BY of_country, of_region, of_city
) AS located
ON place.of_country = located.of_country AND place.of_region = located.of_region AND place.of_city = located.of_city
ORDER BY place.visitors DESC, place.sessions DESC, place.of_country, place.of_region, place.of_city;
