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
        WHERE weekly.project_id = {project:String} AND weekly.week <= {v0:Date}
    )
    WHERE day > 0 AND person GLOBAL IN
    (
        SELECT if(known.target = 0, seen.person, known.target)
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
        WHERE seen.project_id = {project:String} AND seen.profile_id != ''
    )
    GROUP BY person
)
GROUP BY ago
ORDER BY ago;
