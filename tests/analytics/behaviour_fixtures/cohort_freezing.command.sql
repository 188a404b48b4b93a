INSERT INTO cohort_members (project_id, cohort_id, generation, person)
SELECT {project:String}, {v0:String}, {v1:UInt64}, person
FROM
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
    AND toDate(seen.created_at) >= {v4:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v5:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v6:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v7:Int64}, 'UTC')
    AND seen.name = {v2:String} AND (seen.country IN {v3:Array(String)})
    AND if(known.target = 0, seen.person, known.target) != 0
GROUP BY person
HAVING count() >= {v8:UInt32}
)
UNION ALL
SELECT 1 AS rule, person FROM
(
SELECT DISTINCT if(known.target = 0, weekly.person, known.target) AS person
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
WHERE weekly.project_id = {project:String} AND if(known.target = 0, weekly.person, known.target) GLOBAL NOT IN
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
    AND seen.created_at < fromUnixTimestamp64Milli({v7:Int64}, 'UTC')
    AND seen.name = {v9:String}
    AND if(known.target = 0, seen.person, known.target) != 0
GROUP BY person
HAVING count() > {v10:UInt32}
)
)
)
GROUP BY person
HAVING count() >= 2
);
