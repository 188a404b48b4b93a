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
