SELECT
    other,
    labels,
    period,
    groupArray((bucket, toFloat64(finalizeAggregation(state_0)), toFloat64(finalizeAggregation(state_1)), toFloat64(finalizeAggregation(state_2)), if(finalizeAggregation(state_4) = 0, NULL, toFloat64(finalizeAggregation(state_3)) / finalizeAggregation(state_4)), toFloat64(finalizeAggregation(state_5)), toFloat64(finalizeAggregation(state_6)), toFloat64(finalizeAggregation(state_7)), toFloat64(finalizeAggregation(state_8)), toFloat64(finalizeAggregation(state_9)), toFloat64(finalizeAggregation(state_10)), toFloat64(finalizeAggregation(state_11)), toFloat64(finalizeAggregation(state_12)))) AS points,
    tuple(toFloat64(countMerge(state_0)), toFloat64(uniqExactMerge(state_1)), toFloat64(uniqExactArrayMerge(state_2)), if(uniqExactMerge(state_4) = 0, NULL, toFloat64(countMerge(state_3)) / uniqExactMerge(state_4)), toFloat64(countMerge(state_5)), toFloat64(sumMerge(state_6)), toFloat64(avgMerge(state_7)), toFloat64(maxMerge(state_8)), toFloat64(minMerge(state_9)), toFloat64(quantileExactInclusiveMerge(0.5)(state_10)), toFloat64(quantileExactInclusiveMerge(0.9)(state_11)), toFloat64(uniqExactMerge(state_12))) AS totals
FROM
(
SELECT 0 AS other, 1 AS place, labels, period, bucket, state_0, state_1, state_2, state_3, state_4, state_5, state_6, state_7, state_8, state_9, state_10, state_11, state_12
FROM
(
SELECT
    0 AS period,
    emptyArrayString() AS labels,
    indexOf({v5:Array(Int64)}, roundDown(toUnixTimestamp64Milli(seen.created_at), {v5:Array(Int64)}) AS edge) AS bucket,
    countStateIf(seen.name = {v0:String}) AS state_0,
    uniqExactStateIf(seen.session_id, seen.name NOT IN ('session_start', 'session_end') AND seen.session_id != 0) AS state_1,
    uniqExactArrayStateIf(seen.groups, seen.name NOT IN ('session_start', 'session_end')) AS state_2,
    countStateIf(seen.name NOT IN ('session_start', 'session_end') AND if(known.target = 0, seen.person, known.target) != 0) AS state_3,
    uniqExactStateIf(if(known.target = 0, seen.person, known.target), seen.name NOT IN ('session_start', 'session_end') AND if(known.target = 0, seen.person, known.target) != 0) AS state_4,
    countStateIf(seen.name NOT IN ('session_start', 'session_end') AND (if(known.target = 0, seen.person, known.target), seen.created_at, seen.event_id) GLOBAL IN
(
SELECT person, latest.1, latest.2
FROM
(
SELECT if(known.target = 0, seen.person, known.target) AS person, max((seen.created_at, seen.event_id)) AS latest
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
    AND toDate(seen.created_at) >= {v1:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v2:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v3:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v4:Int64}, 'UTC')
    AND seen.name NOT IN ('session_start', 'session_end')
    AND if(known.target = 0, seen.person, known.target) != 0
GROUP BY person
)
)) AS state_5,
    sumStateIf(ifNull(if(isFinite(ifNull(toFloat64OrNull(seen.properties[{v0:String}]), nan)), toFloat64OrNull(seen.properties[{v0:String}]), NULL), 0), seen.name NOT IN ('session_start', 'session_end')) AS state_6,
    avgState(if(seen.name NOT IN ('session_start', 'session_end'), if(isFinite(ifNull(toFloat64OrNull(seen.properties[{v0:String}]), nan)), toFloat64OrNull(seen.properties[{v0:String}]), NULL), NULL)) AS state_7,
    maxState(if(seen.name NOT IN ('session_start', 'session_end'), if(isFinite(ifNull(toFloat64OrNull(seen.properties[{v0:String}]), nan)), toFloat64OrNull(seen.properties[{v0:String}]), NULL), NULL)) AS state_8,
    minState(if(seen.name NOT IN ('session_start', 'session_end'), nullIf(toFloat64(seen.revenue), 0), NULL)) AS state_9,
    quantileExactInclusiveState(0.5)(if(seen.name NOT IN ('session_start', 'session_end'), if(isFinite(ifNull(toFloat64OrNull(seen.properties[{v0:String}]), nan)), toFloat64OrNull(seen.properties[{v0:String}]), NULL), NULL)) AS state_10,
    quantileExactInclusiveState(0.9)(if(seen.name NOT IN ('session_start', 'session_end'), if(isFinite(ifNull(toFloat64OrNull(seen.properties[{v0:String}]), nan)), toFloat64OrNull(seen.properties[{v0:String}]), NULL), NULL)) AS state_11,
    uniqExactStateIf(CAST(seen.properties[{v0:String}], 'String'), seen.name NOT IN ('session_start', 'session_end') AND CAST(seen.properties[{v0:String}], 'String') != '') AS state_12
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
    AND toDate(seen.created_at) >= {v1:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v2:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v3:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v4:Int64}, 'UTC')
    AND ((seen.name = {v0:String}) OR (seen.name NOT IN ('session_start', 'session_end')) OR (seen.name NOT IN ('session_start', 'session_end') AND (if(known.target = 0, seen.person, known.target), seen.created_at, seen.event_id) GLOBAL IN
(
SELECT person, latest.1, latest.2
FROM
(
SELECT if(known.target = 0, seen.person, known.target) AS person, max((seen.created_at, seen.event_id)) AS latest
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
    AND toDate(seen.created_at) >= {v1:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v2:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v3:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v4:Int64}, 'UTC')
    AND seen.name NOT IN ('session_start', 'session_end')
    AND if(known.target = 0, seen.person, known.target) != 0
GROUP BY person
)
)))
GROUP BY labels, edge
)
)
GROUP BY other, labels, period
ORDER BY other, min(place), labels, period;
