SELECT count() AS persons
FROM
(
SELECT DISTINCT if(known.target = 0, kept.person, known.target) AS person
FROM cohort_members AS kept
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
) AS known ON kept.person = known.person
WHERE kept.project_id = {project:String} AND kept.cohort_id = {v0:String} AND kept.generation = {v1:UInt64}
);
