SELECT
    other,
    labels,
    period,
    groupArray((bucket, finalizeAggregation(state_0), finalizeAggregation(state_1))) AS points,
    uniqExactMerge(state_0) AS began,
    uniqExactMerge(state_1) AS finished
FROM
(
SELECT
    if(rank > {v16:UInt32}, 1, 0) AS other,
    min(rank) AS place,
    if(other, emptyArrayString(), ranked.labels) AS labels,
    cell.1 AS period,
    cell.2 AS bucket,
    uniqExactMergeState(cell.3) AS state_0,
    uniqExactMergeState(cell.4) AS state_1
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
        ifNull(uniqExactMergeIf(state_0, period = 0), 0) AS size_0
        FROM
        (
SELECT
    0 AS period,
    [arrayJoin(carried[1])] AS labels,
    indexOf({v0:Array(Int64)}, roundDown(at, {v0:Array(Int64)})) AS bucket,
    uniqExactState(subject) AS state_0,
    uniqExactStateIf(subject, finished) AS state_1
FROM
(
    SELECT subject, at, ifNull(next - at <= {v1:Int64}, 0) AS finished, carried
    FROM
    (
        SELECT
            *,
            min(if(bitTest(steps, 1), at, NULL)) OVER
                (PARTITION BY subject ORDER BY at DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS next
        FROM
        (
SELECT
    if(known.target = 0, seen.person, known.target) AS subject,
    toUnixTimestamp64Milli(seen.created_at) AS at,
    groupBitOr(toUInt32((seen.name = {v2:String} AND seen.created_at < fromUnixTimestamp64Milli({v5:Int64}, 'UTC'))) * 1 + toUInt32((seen.name = {v3:String} AND (seen.path IN {v4:Array(String)}))) * 2) AS steps,
    argMinIf([[CAST(seen.country, 'String')]], seen.event_id, seen.name = {v2:String} AND seen.created_at < fromUnixTimestamp64Milli({v5:Int64}, 'UTC')) AS carried
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
    AND toDate(seen.created_at) >= {v6:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v7:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v8:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v9:Int64}, 'UTC')
    AND ((seen.name = {v2:String} AND seen.created_at < fromUnixTimestamp64Milli({v5:Int64}, 'UTC')) OR (seen.name = {v3:String} AND (seen.path IN {v4:Array(String)})))
    AND if(known.target = 0, seen.person, known.target) != 0
GROUP BY subject, at
        )
    )
    WHERE bitTest(steps, 0)
)
GROUP BY labels, bucket
UNION ALL
SELECT
    1 AS period,
    [arrayJoin(carried[1])] AS labels,
    indexOf({v10:Array(Int64)}, roundDown(at, {v10:Array(Int64)})) AS bucket,
    uniqExactState(subject) AS state_0,
    uniqExactStateIf(subject, finished) AS state_1
FROM
(
    SELECT subject, at, ifNull(next - at <= {v1:Int64}, 0) AS finished, carried
    FROM
    (
        SELECT
            *,
            min(if(bitTest(steps, 1), at, NULL)) OVER
                (PARTITION BY subject ORDER BY at DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS next
        FROM
        (
SELECT
    if(known.target = 0, seen.person, known.target) AS subject,
    toUnixTimestamp64Milli(seen.created_at) AS at,
    groupBitOr(toUInt32((seen.name = {v2:String} AND seen.created_at < fromUnixTimestamp64Milli({v11:Int64}, 'UTC'))) * 1 + toUInt32((seen.name = {v3:String} AND (seen.path IN {v4:Array(String)}))) * 2) AS steps,
    argMinIf([[CAST(seen.country, 'String')]], seen.event_id, seen.name = {v2:String} AND seen.created_at < fromUnixTimestamp64Milli({v11:Int64}, 'UTC')) AS carried
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
    AND toDate(seen.created_at) >= {v12:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v13:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v14:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v15:Int64}, 'UTC')
    AND ((seen.name = {v2:String} AND seen.created_at < fromUnixTimestamp64Milli({v11:Int64}, 'UTC')) OR (seen.name = {v3:String} AND (seen.path IN {v4:Array(String)})))
    AND if(known.target = 0, seen.person, known.target) != 0
GROUP BY subject, at
        )
    )
    WHERE bitTest(steps, 0)
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
GROUP BY other, labels, period
ORDER BY other, min(place), labels, period;
