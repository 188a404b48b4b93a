SELECT count()
FROM
(
SELECT
    person,
    substring(max(names), 2) AS profile_id,
    max(is_known) AS identified,
    max(others) AS other,
    minIf(at_first, number > 0) AS first_ms,
    maxIf(at_last, number > 0) AS last_ms,
    sum(number) AS done
FROM
(
SELECT
    if(known.target = 0, seen.person, known.target) AS person,
    max(multiIf(
        seen.profile_id = '', '',
        seen.person = if(known.target = 0, seen.person, known.target), concat('1', seen.profile_id),
        concat('0', seen.profile_id))) AS names,
    max((seen.profile_id != '' OR known.target != 0)) AS is_known,
    max(if(seen.person = if(known.target = 0, seen.person, known.target), 0, seen.person)) AS others,
    min(toUnixTimestamp64Milli(seen.created_at)) AS at_first,
    max(toUnixTimestamp64Milli(seen.created_at)) AS at_last,
    count() AS number,
    1 AS is_listed
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
    AND toDate(seen.created_at) <= {v0:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
    AND seen.name NOT IN ('session_start', 'session_end')
    AND if(known.target = 0, seen.person, known.target) != 0
GROUP BY person
UNION ALL
SELECT
    if(known.target = 0, told.person, known.target) AS person,
    concat(if(told.person = if(known.target = 0, told.person, known.target), '1', '0'), told.profile_id) AS names,
    told.profile_id != leftPad(lower(hex(if(known.target = 0, told.person, known.target))), 16, '0') AS is_known,
    toUInt64(0) AS others,
    toInt64(0) AS at_first,
    toInt64(0) AS at_last,
    toUInt64(0) AS number,
    1 AS is_listed
FROM profiles AS told FINAL
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
) AS known ON told.person = known.person
WHERE told.project_id = {project:String} AND told.deleted = 0
    AND told.profile_id GLOBAL NOT IN
    (
        SELECT profile_id
        FROM profile_activity
        WHERE project_id = {project:String}
        GROUP BY profile_id
        HAVING min(profile_activity.first_seen) < fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
    )
)
GROUP BY person, if(person = 0, names, '')
HAVING max(is_listed)
);
