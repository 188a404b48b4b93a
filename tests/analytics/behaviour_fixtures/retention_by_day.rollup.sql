SELECT
    other,
    labels,
    groupArray((bucket, finalizeAggregation(state_0), finalizeAggregation(state_1))) AS cells
FROM
(
SELECT 0 AS other, 1 AS place, labels, period, bucket, state_0, state_1
FROM
(
SELECT
    0 AS period,
    emptyArrayString() AS labels,
    start.1 AS bucket,
    countState() AS state_0,
    sumForEachState(arrayMap(k -> toUInt64(arrayExists(each -> each >= start.1 + k, came_in)), range({v5:UInt32} - start.1 + 1))) AS state_1
FROM
(
    SELECT arrayJoin(arraySlice(began, 1, 1)) AS start, start.2 AS carried, came_in
    FROM
    (
        SELECT
            arraySort(each -> each.1, groupArrayIf((bucket, carried), starts != 0)) AS began,
            groupArrayIf(bucket, comes != 0 AND bucket > 0) AS came_in
        FROM
        (
SELECT person, toUInt32(bucket) AS bucket, 1 AS starts, 1 AS comes, [] AS carried
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
        )
        GROUP BY person
    )
)
GROUP BY labels, bucket
)
)
GROUP BY other, labels
ORDER BY other, min(place), labels;
