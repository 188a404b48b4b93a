SELECT
    other,
    labels,
    groupArray((bucket, finalizeAggregation(state_0), finalizeAggregation(state_1))) AS cells
FROM
(
SELECT
    if(rank > {v8:UInt32}, 1, 0) AS other,
    min(rank) AS place,
    if(other, emptyArrayString(), ranked.labels) AS labels,
    cell.1 AS period,
    cell.2 AS bucket,
    countMergeState(cell.3) AS state_0,
    sumForEachMergeState(cell.4) AS state_1
FROM
(
    SELECT labels, cells, row_number() OVER (ORDER BY best, labels) AS rank
    FROM
    (
        SELECT labels, cells, row_number() OVER (ORDER BY size_0 DESC, labels) AS best
        FROM
        (
        SELECT
        labels,
        groupArray((period, bucket, state_0, state_1)) AS cells,
        ifNull(countMergeIf(state_0, period = 0), 0) AS size_0
        FROM
        (
SELECT
    0 AS period,
    [arrayJoin(carried[1])] AS labels,
    start.1 AS bucket,
    countState() AS state_0,
    sumForEachState(arrayMap(k -> toUInt64(has(came_in, start.1 + k)), range({v7:UInt32} - start.1 + 1))) AS state_1
FROM
(
    SELECT arrayJoin(arrayFilter(each -> each.1 > 0, arraySlice(began, 1, 1))) AS start, start.2 AS carried, came_in
    FROM
    (
        SELECT
            arraySort(each -> each.1, groupArrayIf((bucket, carried), starts != 0)) AS began,
            groupArrayIf(bucket, comes != 0 AND bucket > 0) AS came_in
        FROM
        (
SELECT
    if(known.target = 0, seen.person, known.target) AS person,
    toUInt32(if(seen.created_at < fromUnixTimestamp64Milli({v4:Int64}, 'UTC'), 0, if(toUnixTimestamp64Milli(seen.created_at) < {v3:Array(Int64)}[1], 0, indexOf({v3:Array(Int64)}, roundDown(toUnixTimestamp64Milli(seen.created_at), {v3:Array(Int64)}))))) AS bucket,
    max(seen.name = {v0:String}) AS starts,
    max(seen.name = {v1:String} AND (seen.path IN {v2:Array(String)})) AS comes,
    argMinIf([[CAST(seen.os, 'String')]], (seen.created_at, seen.event_id), seen.name = {v0:String}) AS carried
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
    AND toDate(seen.created_at) <= {v5:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v6:Int64}, 'UTC')
    AND ((seen.name = {v0:String}) OR (seen.name = {v1:String} AND (seen.path IN {v2:Array(String)})))
    AND if(known.target = 0, seen.person, known.target) != 0
GROUP BY person, bucket
        )
        GROUP BY person
    )
)
GROUP BY labels, bucket
        )
        GROUP BY labels
        )
    )
) AS ranked
ARRAY JOIN cells AS cell
GROUP BY other, labels, period, bucket
)
GROUP BY other, labels
ORDER BY other, min(place), labels;
