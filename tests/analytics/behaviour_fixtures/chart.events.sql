SELECT
    other,
    labels,
    period,
    groupArray((bucket, toFloat64(finalizeAggregation(state_0)), toFloat64(finalizeAggregation(state_1)))) AS points,
    tuple(toFloat64(countMerge(state_0)), toFloat64(uniqExactMerge(state_1))) AS totals
FROM
(
SELECT 0 AS other, 1 AS place, labels, period, bucket, state_0, state_1
FROM
(
SELECT
    0 AS period,
    emptyArrayString() AS labels,
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
    emptyArrayString() AS labels,
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
)
GROUP BY other, labels, period
ORDER BY other, min(place), labels, period;
