SELECT
    if(known.target = 0, seen.person, known.target) AS person,
    substring(max(greatest(described.names, multiIf(
        seen.profile_id = '', '',
        seen.person = if(known.target = 0, seen.person, known.target), concat('1', seen.profile_id),
        concat('0', seen.profile_id)))), 2) AS profile,
    max(seen.profile_id != '' OR known.target != 0 OR described.is_named) AS identified,
    max(if(seen.person = if(known.target = 0, seen.person, known.target), 0, seen.person)) AS other,
    arraySort(arrayDistinct(arrayConcat(
        any(described.profile_ids),
        groupUniqArrayIf(100)(seen.profile_id, seen.profile_id != '')))) AS profiles,
    arraySort(groupUniqArrayIf(100)(seen.device_id, seen.device_id != 0)) AS devices,
    min(seen.created_at) AS first_seen,
    max(seen.created_at) AS last_seen,
    count() AS done,
    argMax((seen.country, seen.region, seen.city, seen.os, seen.os_version, seen.browser, seen.browser_version, seen.device, seen.brand, seen.model), (seen.session_id != 0, seen.created_at, seen.event_id)) AS surroundings
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
        if(known.target = 0, told.person, known.target) AS person,
        max(concat(if(told.person = if(known.target = 0, told.person, known.target), '1', '0'), told.profile_id)) AS names,
        max(told.profile_id != leftPad(lower(hex(if(known.target = 0, told.person, known.target))), 16, '0')) AS is_named,
        groupUniqArray(100)(told.profile_id) AS profile_ids
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
    WHERE told.project_id = {project:String} AND told.deleted = 0 AND told.person != 0
        AND told.person GLOBAL IN
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
                FROM (SELECT arrayJoin({v0:Array(UInt64)}) AS person) AS given
                GLOBAL ANY LEFT JOIN known ON given.person = known.person
            )
        SELECT person FROM known WHERE target GLOBAL IN (SELECT person FROM wanted)
        UNION ALL
        SELECT person FROM wanted WHERE person GLOBAL NOT IN (SELECT person FROM known)
    )
    GROUP BY person
) AS described ON if(known.target = 0, seen.person, known.target) = described.person
WHERE seen.project_id = {project:String}
    AND seen.name NOT IN ('session_start', 'session_end')
    AND seen.person != 0
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
                FROM (SELECT arrayJoin({v0:Array(UInt64)}) AS person) AS given
                GLOBAL ANY LEFT JOIN known ON given.person = known.person
            )
        SELECT person FROM known WHERE target GLOBAL IN (SELECT person FROM wanted)
        UNION ALL
        SELECT person FROM wanted WHERE person GLOBAL NOT IN (SELECT person FROM known)
    )
GROUP BY person;
