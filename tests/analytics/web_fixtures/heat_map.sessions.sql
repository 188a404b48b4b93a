SELECT
    toDayOfWeek(visit.session_started_at, 0, {v0:String}) AS weekday,
    toHour(visit.session_started_at, {v0:String}) AS hour,
    uniqExact(if(known.target = 0, visit.person, known.target)) AS visitors,
    count() AS sessions,
    sum(visit.views) AS views
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
GROUP BY weekday, hour
ORDER BY weekday, hour;
