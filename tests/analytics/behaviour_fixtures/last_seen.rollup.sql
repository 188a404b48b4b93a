SELECT ago, count() AS persons
FROM
(
    SELECT toUInt32(toUInt16({v0:Date}) - max(day)) AS ago
    FROM
    (
        SELECT
            if(known.target = 0, weekly.person, known.target) AS person,
            arrayMax(arrayFilter(
                day -> day <= toUInt16({v0:Date}),
                arrayMap(bit -> toUInt16(weekly.week) + bit, bitPositionsToArray(weekly.days)))) AS day
        FROM r_person_week AS weekly
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
        ) AS known ON weekly.person = known.person
        WHERE weekly.project_id = {project:String} AND weekly.week <= {v0:Date}
    )
    WHERE day > 0 AND person GLOBAL IN
    (
        SELECT if(known.target = 0, seen.person, known.target)
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
        WHERE seen.project_id = {project:String} AND seen.profile_id != ''
    )
    GROUP BY person
)
GROUP BY ago
ORDER BY ago;
