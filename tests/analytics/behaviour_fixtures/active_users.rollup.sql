SELECT day, count() AS persons
FROM
(
    SELECT arrayJoin(arrayDistinct(arrayFlatten(groupArray(range(bucket, bucket + {v5:UInt16}))))) AS day
    FROM
    (
SELECT person, if(day < {v0:UInt16}, 0, indexOf({v1:Array(UInt16)}, roundDown(day, {v1:Array(UInt16)}))) AS bucket
FROM
(
    SELECT
        if(known.target = 0, weekly.person, known.target) AS person,
        toUInt16(arrayJoin(arrayMap(
            bit -> toUInt16(weekly.week) + bit, bitPositionsToArray(weekly.days)))) AS day
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
    WHERE weekly.project_id = {project:String} AND weekly.week < {v2:Date} AND weekly.week >= {v3:Date}
)
WHERE day < {v4:UInt16} AND day >= {v0:UInt16}
GROUP BY person, bucket
    )
    GROUP BY person
)
WHERE day >= {v5:UInt16} AND day <= {v6:UInt16}
GROUP BY day
ORDER BY day;
