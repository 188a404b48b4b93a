SELECT
    other,
    labels,
    period,
    groupArray((bucket, toFloat64(finalizeAggregation(state_0)), toFloat64(finalizeAggregation(state_1)))) AS points,
    tuple(toFloat64(countMerge(state_0)), toFloat64(uniqExactMerge(state_1))) AS totals
FROM
(
SELECT
    if(rank > {v10:UInt32}, 1, 0) AS other,
    min(rank) AS place,
    if(other, emptyArrayString(), ranked.labels) AS labels,
    cell.1 AS period,
    cell.2 AS bucket,
    countMergeState(cell.3) AS state_0,
    uniqExactMergeState(cell.4) AS state_1
FROM
(
    SELECT labels, cells, row_number() OVER (ORDER BY best, labels) AS rank
    FROM
    (
        SELECT labels, cells, least(row_number() OVER (ORDER BY size_0 DESC, labels), row_number() OVER (ORDER BY size_1 DESC, labels)) AS best
        FROM
        (
        SELECT
        labels,
        groupArray((period, bucket, state_0, state_1)) AS cells,
        ifNull(toFloat64(countMergeIf(state_0, period = 0)), 0) AS size_0,
        ifNull(toFloat64(uniqExactMergeIf(state_1, period = 0)), 0) AS size_1
        FROM
        (
SELECT
    0 AS period,
    [CAST(seen.country, 'String'), CAST(seen.properties[{v0:String}], 'String'), arrayJoin(emptyArrayToSingle(arrayDistinct(CAST(arrayMap(id -> transform(id, (SELECT (groupArray(group_id), groupArray(CAST(name, 'String')))
FROM groups FINAL
WHERE project_id = {project:String} AND deleted = 0).1, (SELECT (groupArray(group_id), groupArray(CAST(name, 'String')))
FROM groups FINAL
WHERE project_id = {project:String} AND deleted = 0).2, ''), seen.groups), 'Array(String)'))))] AS labels,
    indexOf({v1:Array(Int64)}, roundDown(toUnixTimestamp64Milli(seen.created_at), {v1:Array(Int64)}) AS edge) AS bucket,
    countStateIf(seen.name = {v0:String}) AS state_0,
    uniqExactStateIf(if(known.target = 0, seen.person, known.target), seen.name NOT IN ('session_start', 'session_end') AND if(known.target = 0, seen.person, known.target) != 0) AS state_1
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
    AND toDate(seen.created_at) >= {v2:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v3:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v4:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v5:Int64}, 'UTC')
    AND ((seen.name = {v0:String}) OR (seen.name NOT IN ('session_start', 'session_end')))
GROUP BY labels, edge
UNION ALL
SELECT
    1 AS period,
    [CAST(seen.country, 'String'), CAST(seen.properties[{v0:String}], 'String'), arrayJoin(emptyArrayToSingle(arrayDistinct(CAST(arrayMap(id -> transform(id, (SELECT (groupArray(group_id), groupArray(CAST(name, 'String')))
FROM groups FINAL
WHERE project_id = {project:String} AND deleted = 0).1, (SELECT (groupArray(group_id), groupArray(CAST(name, 'String')))
FROM groups FINAL
WHERE project_id = {project:String} AND deleted = 0).2, ''), seen.groups), 'Array(String)'))))] AS labels,
    indexOf({v6:Array(Int64)}, roundDown(toUnixTimestamp64Milli(seen.created_at), {v6:Array(Int64)}) AS edge) AS bucket,
    countStateIf(seen.name = {v0:String}) AS state_0,
    uniqExactStateIf(if(known.target = 0, seen.person, known.target), seen.name NOT IN ('session_start', 'session_end') AND if(known.target = 0, seen.person, known.target) != 0) AS state_1
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
    AND toDate(seen.created_at) >= {v7:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v8:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v2:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v9:Int64}, 'UTC')
    AND ((seen.name = {v0:String}) OR (seen.name NOT IN ('session_start', 'session_end')))
GROUP BY labels, edge
        )
        GROUP BY labels
        )
    )
) AS ranked
ARRAY JOIN cells AS cell
GROUP BY other, labels, period, bucket
)
GROUP BY other, labels, period
ORDER BY other, min(place), labels, period;
