SELECT
    other,
    labels,
    period,
    groupArray((bucket, toFloat64(finalizeAggregation(state_0)), toFloat64(finalizeAggregation(state_1)))) AS points,
    tuple(toFloat64(sumMerge(state_0)), toFloat64(uniqHLL12Merge(state_1))) AS totals
FROM
(
SELECT 0 AS other, 1 AS place, labels, period, bucket, state_0, state_1
FROM
(
SELECT
    0 AS period,
    emptyArrayString() AS labels,
    indexOf({v1:Array(UInt16)}, roundDown(toUInt16(rolled.day), {v1:Array(UInt16)}) AS edge) AS bucket,
    sumStateIf(rolled.events, rolled.name = {v0:String}) AS state_0,
    uniqHLL12MergeStateIf(rolled.persons, rolled.name NOT IN ('session_start', 'session_end')) AS state_1
FROM
(
    SELECT day, name, events, revenue, persons, sessions
    FROM r_day AS rolled
    WHERE project_id = {project:String} AND day >= {v2:Date} AND day < {v3:Date} AND ((rolled.name = {v0:String}) OR (rolled.name NOT IN ('session_start', 'session_end')))
) AS rolled
GROUP BY labels, edge
UNION ALL
SELECT
    1 AS period,
    emptyArrayString() AS labels,
    indexOf({v4:Array(UInt16)}, roundDown(toUInt16(rolled.day), {v4:Array(UInt16)}) AS edge) AS bucket,
    sumStateIf(rolled.events, rolled.name = {v0:String}) AS state_0,
    uniqHLL12MergeStateIf(rolled.persons, rolled.name NOT IN ('session_start', 'session_end')) AS state_1
FROM
(
    SELECT day, name, events, revenue, persons, sessions
    FROM r_day AS rolled
    WHERE project_id = {project:String} AND day >= {v5:Date} AND day < {v6:Date} AND ((rolled.name = {v0:String}) OR (rolled.name NOT IN ('session_start', 'session_end')))
    UNION ALL
    SELECT
        {v6:Date} AS day,
        rolled.name AS name,
        count() AS events,
        sum(rolled.revenue) AS revenue,
        uniqHLL12StateIf(rolled.person, rolled.person != 0) AS persons,
        uniqHLL12StateIf(rolled.session_id, rolled.session_id != 0) AS sessions
    FROM events AS rolled
    WHERE project_id = {project:String} AND toDate(created_at) >= {v7:Date} AND toDate(created_at) <= {v6:Date}
        AND created_at >= fromUnixTimestamp64Milli({v8:Int64}, 'UTC') AND created_at < fromUnixTimestamp64Milli({v9:Int64}, 'UTC') AND ((rolled.name = {v0:String}) OR (rolled.name NOT IN ('session_start', 'session_end')))
    GROUP BY name
) AS rolled
GROUP BY labels, edge
)
)
GROUP BY other, labels, period
ORDER BY other, min(place), labels, period;
