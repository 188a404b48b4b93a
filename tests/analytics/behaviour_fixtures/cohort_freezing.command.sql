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
    SELECT hop.person AS person, if(onward.target = 0, hop.target, onward.target) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS target
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS hop
    GLOBAL ANY LEFT JOIN
    (
        SELECT person, argMax(person_overrides.into, version) AS target
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS onward ON hop.target = onward.person
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
    SELECT hop.person AS person, if(onward.target = 0, hop.target, onward.target) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS target
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS hop
    GLOBAL ANY LEFT JOIN
    (
        SELECT person, argMax(person_overrides.into, version) AS target
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS onward ON hop.target = onward.person
) AS known ON weekly.person = known.person
WHERE weekly.project_id = {project:String} AND if(known.target = 0, weekly.person, known.target) GLOBAL NOT IN
(
SELECT if(known.target = 0, seen.person, known.target) AS person
FROM events AS seen
GLOBAL ANY LEFT JOIN
(
    SELECT hop.person AS person, if(onward.target = 0, hop.target, onward.target) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS target
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS hop
    GLOBAL ANY LEFT JOIN
    (
        SELECT person, argMax(person_overrides.into, version) AS target
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS onward ON hop.target = onward.person
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
